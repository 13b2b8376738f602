"""Who is slow: from what each process tells of its own time and its waiting."""

import pytest

from gluonlab.supervision.stragglers import INTERVAL_SECONDS, MIN_UPDATES, Spent, Stragglers, compare


def test_the_others_wait_for_the_slow_one_beyond_what_the_network_takes():
    """Each update takes 1.0 s: rank 1 computes 0.9 of it, the others 0.4 and 0.5; the network takes 0.1."""
    spent = {0: Spent(10, 4.0, 6.0), 1: Spent(10, 9.0, 1.0), 2: Spent(10, 5.0, 5.0)}
    found = compare(1, spent)
    assert (found.own, found.usual, found.share) == pytest.approx((0.9, 0.45, 0.45))
    assert str(found) == (
        "takes 0.9 s of its own for an update, 2.0 times the median of the others (0.45 s), "
        "which wait for it 45% of their time"
    )


def look(intervals, factor=1.5):
    """The ranks that are found in each interval; ``intervals`` are the own seconds an update of each rank."""
    stragglers, total, found, now = Stragglers(factor, 0.0), {}, [], 0.0
    for owns in intervals:
        now += INTERVAL_SECONDS
        for rank, own in enumerate(owns):
            before = total.get(rank, Spent())
            total[rank] = Spent(before.updates + 10, before.own + 10 * own, before.waiting + 1)
        found.append([one.rank for one in stragglers.look(total, now)])
    return found


SLOW, WELL = (0.1, 0.1, 0.2), (0.1, 0.1, 0.11)


def test_it_takes_three_intervals_in_a_row():
    assert look([SLOW, SLOW, SLOW]) == [[], [], [2]]
    assert look([SLOW, SLOW, WELL, SLOW, SLOW]) == [[]] * 5
    assert look([SLOW] * 5, factor=2.5) == [[]] * 5
    assert look([(0.1, 0.2)] * 3) == [[], [], [1]], "of two, the other is the measure"


def test_it_is_named_again_only_after_it_has_recovered():
    assert look([SLOW] * 8) == [[], [], [2], [], [], [], [], []]
    assert look([SLOW] * 3 + [WELL] * 2 + [SLOW] * 3) == [[], [], [2], [], [], [], [], []]
    assert look([SLOW] * 3 + [WELL] * 3 + [SLOW] * 3) == [[], [], [2], [], [], [], [], [], [2]]


def test_an_interval_lasts_until_all_have_told_enough():
    stragglers = Stragglers(1.5, 0.0)
    few = Spent(MIN_UPDATES - 1, 1.0, 0.0)
    for now in range(10, 100, 10):
        assert stragglers.look({0: few, 1: Spent(100, 1.0, 0.0)}, float(now)) == []
    assert stragglers.slow == {}
