import math
from itertools import permutations

import numpy as np
import pytest

from gluonlab.bench.statistics import median_interval, paired_ratio, percentile, ratio_of, summarize


def test_the_interval_of_the_median_is_that_of_the_sign_test():
    # Conover's table: with 6 values the range has 96.9 %, with 10 the second to the ninth 97.9 %
    assert median_interval([3, 1, 2, 6, 5, 4]) == (1, 6)
    assert median_interval(range(10)) == (1, 8)
    assert median_interval(range(20)) == (5, 14)
    assert median_interval(range(5)) is None
    assert median_interval(range(5), confidence=0.9) == (0, 4)


def test_the_interval_holds_the_median_as_often_as_it_says():
    generator = np.random.RandomState(0)
    held = 0
    for _ in range(2000):
        low, high = median_interval(list(generator.exponential(size=10)))
        held += low <= math.log(2) <= high
    assert held / 2000 == pytest.approx(0.979, abs=0.01)


def test_percentiles_are_values_that_were_seen():
    values = list(range(1, 101))
    assert [percentile(values, share) for share in (0, 0.5, 0.9, 0.99, 1)] == [1, 50, 90, 99, 100]
    assert percentile([7.0], 0.99) == 7.0


def test_a_summary_keeps_what_it_sums_up():
    assert summarize([2.0, 1.0, 4.0]) == {
        "median": 2.0,
        "lowest": 1.0,
        "highest": 4.0,
        "interval_95": None,
        "values": [2.0, 1.0, 4.0],
    }


def test_the_ratio_of_two_sets_is_exact_and_its_interval_that_of_mann_and_whitney():
    old, new = [1.0, 1.1, 1.2, 1.3, 1.4], [2.0, 2.2, 2.4, 2.6, 2.8]
    result = ratio_of(new, old)
    assert result.ratio == pytest.approx(2.0)
    # the table of U for 5 and 5 at 5 %: 2, so the interval leaves out 2 pairs on each side, and is the 3rd
    ratios = sorted(a / b for a in new for b in old)
    assert result.interval == (ratios[2], ratios[-3])
    assert ratio_of([1.0], [1.0]).interval is None


def test_counts_of_pairs_in_order_are_those_of_all_orders():
    from gluonlab.bench.statistics import _pair_counts

    seen = [0] * 7
    for order in set(permutations("aaabb")):
        seen[sum(order[j] == "b" for i in range(5) if order[i] == "a" for j in range(i))] += 1
    assert _pair_counts(3, 2) == seen


def test_what_disturbs_a_whole_round_cancels_in_a_paired_ratio():
    assert paired_ratio([2.0, 20.0, 4.0], [1.0, 10.0, 2.0]).ratio == 2.0
