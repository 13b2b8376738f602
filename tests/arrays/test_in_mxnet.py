"""What every half of `Arrays` computes; tests/arrays/test_in_torch.py asks the same of PyTorch's."""

import numpy as np
import pytest

from gluonlab import arrays
from gluonlab.runtime.mxnet import mx
from tests.arrays import facts


@pytest.mark.parametrize("fact", facts.FACTS, ids=lambda fact: fact.__name__)
def test_fact(fact):
    fact(arrays.of(mx.cpu()), mx.cpu())


def test_the_half_is_found_by_an_array_and_by_a_device():
    library = arrays.of(mx.cpu())
    assert arrays.of(library.zeros((2,), mx.cpu())) is library


def test_a_number_that_float32_has_no_normal_form_of_counts_as_0():
    library = arrays.of(mx.cpu())
    array, other = (library.from_numpy([value], mx.cpu()) for value in (1.0, np.inf))
    library.move_towards([array], [other], 1e-40)  # MXNet refuses the number
    assert library.to_numpy(array) == [1.0]
