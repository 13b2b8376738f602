"""Facts that hold in every half of `Arrays`; each takes the half and its device for the CPU."""

import math
import threading

import numpy as np
import pytest


def numbers(library, arrays):
    return [library.to_numpy(array).tolist() for array in arrays]


def make(library, device, *values, dtype="float32"):
    return [library.from_numpy(np.array(one), device, dtype) for one in values]


def new_arrays(library, device):
    array = library.zeros((2, 3), device, "float64")
    assert array.shape == (2, 3)
    assert "float64" in str(array.dtype)
    like = library.zeros_like([array])[0]
    assert (like.shape, like.dtype) == (array.shape, array.dtype)
    assert library.empty_like(array).shape == (2, 3)
    assert numbers(library, [library.full_like(array, 2.5)]) == [[[2.5] * 3] * 2]
    assert library.to_numpy(library.from_numpy([True, False], array)).tolist() == [1.0, 0.0]


def a_call_back_comes_when_the_array_is_ready(library, device):
    array, called = library.zeros((1000,), device), threading.Event()
    array[:] = 3
    library.call_when_ready(array, called.set)
    array[:] = 4
    assert called.wait(30)
    assert library.to_numpy(array)[0] == 4


def copies_share_no_memory(library, device):
    array = make(library, device, [1.0, 2.0])[0]
    kept, on_host, later = library.copies([array])[0], library.to_numpy(array), library.fetch(array)
    array[:] = 7
    assert numbers(library, [kept]) == [[1.0, 2.0]]
    assert on_host.tolist() == later().tolist() == [1.0, 2.0]
    library.mark(array)()
    library.wait_for_all()
    values = np.array([3.0, 4.0], np.float32)
    library.fill(array, values)
    values[:] = 0
    assert numbers(library, [array]) == [[3.0, 4.0]]


def types_change_on_the_way(library, device):
    sources = make(library, device, [1.0 + 2.0**-20], [3.0], dtype="float64")
    targets = library.zeros_like(make(library, device, [0.0], [0.0]))
    library.copy(sources, targets)
    assert numbers(library, targets) == [[1.0 + 2.0**-20], [3.0]]
    halves = library.cast(targets, "float16")
    assert numbers(library, halves) == [[1.0], [3.0]]
    assert library.cast(halves, "float16")[0] is halves[0]


def sums_go_to_either_side(library, device):
    for place in range(3):
        lists = [make(library, device, [1.0, 2.0], [[3.0]]), make(library, device, [10.0, 20.0], [[30.0]])]
        lists.append(library.zeros_like(lists[0]))
        library.add(lists[0], lists[1], lists[place])
        assert numbers(library, lists[place]) == [[11.0, 22.0], [[33.0]]]


def factors(library, device):
    arrays = make(library, device, [1.0, 2.0], [[3.0]])
    assert numbers(library, library.scaled(arrays, 2.0)) == [[2.0, 4.0], [[6.0]]]
    assert numbers(library, library.scaled(arrays, [2.0, -1.0])) == [[2.0, 4.0], [[-3.0]]]
    assert numbers(library, arrays) == [[1.0, 2.0], [[3.0]]]
    out = library.zeros_like(arrays)
    library.scaled(arrays, [0.5, 1.0], out=out)
    assert numbers(library, out) == [[0.5, 1.0], [[3.0]]]
    library.scale_on_device(arrays, library.from_numpy([2.0, 3.0], device))
    assert numbers(library, arrays) == [[2.0, 4.0], [[9.0]]]
    library.scale_on_device(arrays, library.from_numpy([0.5], device))
    assert numbers(library, arrays) == [[1.0, 2.0], [[4.5]]]
    library.scaled(arrays, 0.0, out=arrays)
    assert numbers(library, arrays) == [[0.0, 0.0], [[0.0]]]


def moves(library, device):
    arrays = make(library, device, [0.0, 8.0], [[-4.0]])
    library.move_towards(arrays, make(library, device, [4.0, 0.0], [[4.0]], dtype="float16"), 0.25)
    assert numbers(library, arrays) == [[1.0, 6.0], [[-2.0]]]


def clipping_lets_nothing_pass_that_is_not_finite(library, device):
    arrays = make(library, device, [-3.0, 0.5, 3.0], [math.inf, -math.inf, math.nan])
    library.clip(arrays, 2.0)
    assert numbers(library, arrays[:1]) == [[-2.0, 0.5, 2.0]]
    assert np.isnan(library.to_numpy(arrays[1])).all()


def flat_and_back(library, device):
    arrays = make(library, device, [1.0, 2.0], [[3.0], [4.0]])
    flat = library.concatenated(arrays)
    assert numbers(library, [flat]) == [[1.0, 2.0, 3.0, 4.0]]
    out = library.zeros((4,), device)
    library.concatenated(arrays, out=out)
    out *= 2
    library.split(out, arrays)
    assert numbers(library, arrays) == [[2.0, 4.0], [[6.0], [8.0]]]


def choices(library, device):
    one, two = make(library, device, [1.0, 5.0, 3.0], [2.0, 4.0, 3.0])
    assert numbers(library, [library.minimum(one, two), library.maximum(one, two)]) == [[1, 4, 3], [2, 5, 3]]
    assert numbers(library, [library.minimum(one, 3.0), library.maximum(one, 3.0)]) == [[1, 3, 3], [3, 5, 3]]
    both = (one > 2) * (two > 3)
    assert numbers(library, [library.where(both, one, two)]) == [[2.0, 5.0, 3.0]]
    weighed = library.from_numpy([1, 0, 1], device) * (one > 0)
    assert numbers(library, [library.where(weighed, one, two)]) == [[1.0, 4.0, 3.0]]
    assert math.isnan(library.to_numpy(library.minimum(make(library, device, [math.nan])[0], 1.0))[0])


def matrices(library, device):
    left, right = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(4, 3)
    product = library.times_transposed(*make(library, device, left, right))
    assert numbers(library, [product]) == [(left @ right.T).tolist()]
    array = make(library, device, left)[0]
    assert numbers(library, [library.take(array, np.array([1, 0]), 0)]) == [left[::-1].tolist()]
    assert numbers(library, [library.take(array, np.array([2, 0, 1]), 1)]) == [left[:, [2, 0, 1]].tolist()]


def one_bad_number_of_130_arrays_is_found(library, device):
    for bad in (math.inf, -math.inf, math.nan):
        for place in (0, 60, 129):
            arrays = make(library, device, *[[1.0, 3e38]] * 130)
            assert library.all_finite(arrays)
            library.fill(arrays[place], np.array([1.0, bad], np.float32))
            assert not library.all_finite(arrays)


def norms_of_large_arrays_are_right(library, device):
    values = np.random.RandomState(0).standard_normal(1 << 20).astype(np.float32)
    arrays = make(library, device, [[3.0], [4.0]], values)
    norms = library.norms()
    for factor in (1.0, 0.5):  # the arrays of the call before, with other values
        library.scaled(arrays, factor, out=arrays)
        found = library.to_numpy(norms(arrays)).tolist()
        exact = [25.0, float((values.astype(float) ** 2).sum())]
        assert found == pytest.approx([one * factor**2 for one in exact], rel=1e-6)


FACTS = [
    new_arrays,
    a_call_back_comes_when_the_array_is_ready,
    copies_share_no_memory,
    types_change_on_the_way,
    sums_go_to_either_side,
    factors,
    moves,
    clipping_lets_nothing_pass_that_is_not_finite,
    flat_and_back,
    choices,
    matrices,
    one_bad_number_of_130_arrays_is_found,
    norms_of_large_arrays_are_right,
]
