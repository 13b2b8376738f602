"""Which survivor leaves its state: known answers."""

import pytest

from gluonlab.errors import DivergenceError
from gluonlab.supervision.survivors import Standing
from gluonlab.supervision.survivors import testator as chosen


def standings(*steps_and_digests):
    return [Standing(rank, step, sha256) for rank, (step, sha256) in enumerate(steps_and_digests)]


def test_the_furthest_survivor_leaves_its_state_the_lowest_rank_of_several():
    assert chosen([]) is None
    assert chosen(standings((7, "a"))).rank == 0
    assert chosen(standings((7, "a"), (7, "a"), (7, "a"))).rank == 0
    assert chosen(standings((7, "a"), (8, "b"), (8, "b"))) == Standing(1, 8, "b")
    assert chosen([Standing(3, 8, "b"), Standing(2, 8, "b"), Standing(0, 7, "a")]).rank == 2


@pytest.mark.parametrize(
    ("found", "named"),
    [
        (((7, "a"), (7, "b")), "rank 1 holds b..., rank 0 holds a..."),
        (((7, "a"), (8, "b"), (8, "c")), "rank 2 holds c..., rank 1 holds b..."),
        (((6, "a"), (8, "b"), (8, "b")), "rank 0 has finished update 6, rank 1 has finished 8"),
    ],
)
def test_survivors_that_cannot_be_of_one_run_hand_nothing_over(found, named):
    with pytest.raises(DivergenceError, match="DIV04") as raised:
        chosen(standings(*found))
    assert raised.value.exit_code == 6
    assert named in str(raised.value)


def test_another_state_one_update_behind_is_no_sign_of_anything():
    assert chosen(standings((7, "x"), (8, "b"), (7, "a"))).rank == 1
