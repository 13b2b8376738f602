import numpy as np
import pytest

from gluonlab.arrays.norms_in_mxnet import PART
from gluonlab.optim.norms import SquaredNorms
from gluonlab.runtime.mxnet import nd


@pytest.mark.parametrize(
    "size", [1, 1000, PART, PART + 1, 2_359_296, pytest.param(100_000_000, marks=pytest.mark.slow)]
)
def test_they_are_those_of_float64(size):
    values = np.random.RandomState(0).standard_normal((2, size)).astype(np.float32)
    found = SquaredNorms()([nd.array(row).reshape(-1, 1) for row in values]).asnumpy()
    for row, square in zip(values, found):
        assert np.sqrt(square) == pytest.approx(np.linalg.norm(row.astype(float)), rel=1e-6)


def test_those_of_float16_do_not_overflow():
    assert SquaredNorms()([nd.full(10, 300.0, dtype="float16")]).asnumpy() == pytest.approx([900_000])


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_the_same_arrays_with_other_values_and_other_arrays_are_noticed(dtype):
    norms, first = SquaredNorms(), [nd.ones((2, 3), dtype=dtype), nd.ones(PART + 7, dtype=dtype)]
    assert norms(first).asnumpy().tolist() == [6, PART + 7]
    first[0][:] = 2
    assert norms(first).asnumpy().tolist() == [24, PART + 7]
    assert norms([nd.full(2, 3.0, dtype=dtype), first[1]]).asnumpy().tolist() == [18, PART + 7]
    assert norms(first).asnumpy().tolist() == [24, PART + 7]
    assert norms(first[:1]).asnumpy().tolist() == [24]
