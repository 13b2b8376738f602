"""The first difference between ranks, by hand."""

from gluonlab.supervision.first_difference import Entered, first_difference


def difference(counts=None, **events):
    """Between ranks r0, r1, ... that entered (name, step, bytes)."""
    entered = {int(name[1:]): [Entered(*event) for event in given] for name, given in events.items()}
    counts = counts or {rank: len(given) for rank, given in entered.items()}
    found = first_difference(entered, counts)
    return found and (found.rank, found.what)


G1, G2, S1, M2 = ("gradients", 1, 80), ("gradients", 2, 80), ("statistics", 1, 8), ("metrics", 2, 32)


def test_ranks_that_entered_the_same_do_not_differ():
    assert difference(r0=[G1, G2], r1=[G1, G2]) is None
    assert difference(r0=[], r1=[]) is None
    assert difference(r0=[G1]) is None


def test_the_one_that_never_came_is_named_with_the_collective():
    assert difference(r0=[G1, S1], r1=[G1], r2=[G1, S1]) == (
        1,
        "has not entered 'statistics' at step 1, as rank 0 and 1 more did",
    )
    assert difference(r0=[G1], r1=[G1, S1, G2]) == (
        0,
        "has not entered 'statistics' at step 1, as rank 1 did",
    )
    assert difference(r0=[G1], r1=[]) == (1, "has not entered 'gradients' at step 1, as rank 0 did")


def test_another_collective_comes_before_a_missing_one():
    assert difference(r0=[G1, S1, G2], r1=[G1, S1, G2], r2=[G1, G2]) == (
        2,
        "entered 'gradients' where the others entered 'statistics'",
    )


def test_another_number_of_bytes_is_a_difference_unless_it_may_differ():
    assert difference(r0=[G1], r1=[("gradients", 1, 84)], r2=[G1]) == (
        1,
        "entered 'gradients' at step 1 with 84 bytes, the others with 80",
    )


def test_only_what_all_still_remember_is_compared():
    """Rank 1 remembers its last two only, of three: the first of rank 0 has no counterpart."""
    assert difference({0: 3, 1: 3}, r0=[M2, G1, G2], r1=[G1, G2]) is None
    assert difference({0: 3, 1: 3}, r0=[M2, G1, G2], r1=[S1, G2]) is not None


def test_of_a_rank_without_a_record_its_count_is_known():
    assert difference({0: 2, 1: 1}, r0=[G1, S1]) == (
        1,
        "was not seen to enter 'statistics' at step 1, as rank 0 did",
    )
    assert difference({0: 300, 1: 1}, r0=[G1, S1]) is None, "what it entered then is forgotten"
