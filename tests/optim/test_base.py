"""What all optimizers share."""

import pytest

from gluonlab.optim.adam import AdamW
from gluonlab.optim.momentum import SGD
from gluonlab.runtime.mxnet import nd


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("make", [lambda: SGD(0.1, 0.9, 0.0), lambda: AdamW(0.1, 0.0)])
def test_an_update_needs_no_trainer(make, dtype):
    optimizer, weight, gradient = make(), nd.ones((2, 3), dtype=dtype), nd.ones((2, 3), dtype=dtype)
    state = optimizer.create_state_multi_precision(0, weight)
    optimizer.update_multi_precision([0], [weight], [gradient], [state])
    assert weight.asnumpy() == pytest.approx(0.9, abs=1e-3)
