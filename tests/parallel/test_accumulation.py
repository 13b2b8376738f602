import numpy as np
import pytest

from gluonlab.parallel.accumulation import PairwiseTree, RunningSum, pairwise_sum
from gluonlab.runtime.mxnet import nd

# 1 is lost beside 2^24 in float32, so the order of additions shows in the sum.
BIG = float(2**24)
TERMS = np.array([BIG, 1.0, 1.0, -BIG, 1.0, 1.0, BIG, -BIG], np.float32)


def added(accumulator, terms):
    arrays = [nd.zeros(1), nd.zeros((2, 2))]
    adder = accumulator(arrays, len(terms))
    sums = []
    adder.start()
    adder.add()  # an update that was broken off
    for _ in range(2):  # the second update must not see the first
        adder.start()
        for term in terms:
            for array in arrays:
                array[:] = float(term)
            adder.add()
        sums.append([array.asnumpy().ravel()[-1] for array in arrays])
    assert sums[0] == sums[1] == [sums[0][0]] * 2
    return sums[0][0]


def left_to_right(terms):
    total = np.float32(0)
    for term in terms:
        total += term
    return total


def in_pairs(terms):
    terms = list(terms)
    while len(terms) > 1:
        terms = [terms[i] + terms[i + 1] if i + 1 < len(terms) else terms[i] for i in range(0, len(terms), 2)]
    return terms[0]


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_each_accumulator_adds_in_its_own_order(count):
    assert added(RunningSum, TERMS[:count]) == left_to_right(TERMS[:count])
    assert added(PairwiseTree, TERMS[:count]) == in_pairs(TERMS[:count])


def test_the_orders_differ_here():
    assert left_to_right(TERMS) != in_pairs(TERMS)


def test_three_terms_are_added_from_left_to_right():
    assert added(RunningSum, [1.0, 2.0, 3.0]) == 6


@pytest.mark.parametrize("processes", [1, 2, 4, 8])
def test_trees_of_processes_join_to_the_tree_of_all_workers(processes):
    parts = [added(PairwiseTree, part) for part in np.split(TERMS, processes)]
    assert pairwise_sum(parts) == in_pairs(TERMS)


@pytest.mark.parametrize("processes", [3, 6, 12])
def test_so_they_do_when_the_number_of_processes_is_no_power_of_two(processes):
    terms = np.random.RandomState(0).standard_normal(12).astype(np.float32)
    parts = [added(PairwiseTree, part) for part in np.split(terms, processes)]
    assert pairwise_sum(parts) == in_pairs(terms)


def test_a_tree_of_six_is_refused():
    with pytest.raises(ValueError, match="power of two, got 6"):
        PairwiseTree([nd.zeros(1)], 6)
