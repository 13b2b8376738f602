import numpy as np
import pytest

from gluonlab.arrays import calls_in_mxnet
from gluonlab.optim import kernels_in_mxnet as kernels
from gluonlab.optim.momentum import NAG, SGD
from gluonlab.optim.rules import Parameters
from gluonlab.runtime.mxnet import gluon, nd


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_calls_for_many_tensors_give_what_calls_for_one_give(dtype, monkeypatch):
    """130 tensors: beyond the 60 at which MXNet's operators break."""
    results = []
    monkeypatch.setattr(kernels, "SMALL", 0)
    for per_call in (1, kernels.MAX_TENSORS_PER_CALL):
        monkeypatch.setattr(calls_in_mxnet, "parameters_per_call", lambda arrays, size=per_call: size)
        results.append(updated(SGD(0.1, momentum=0.9, weight_decay=1e-3), dtype, count=130))
    alone, together = results
    for one, other in zip(alone, together):
        assert one == pytest.approx(other, rel=1e-6)


def test_small_tensors_share_calls_on_the_cpu_and_keep_their_bits(monkeypatch):
    optimizers = [SGD(0.1, momentum=0.9, weight_decay=1e-3) for _ in range(2)]
    together = updated(optimizers[0], "float32", count=130)
    monkeypatch.setattr(kernels, "SMALL", 0)
    for one, other in zip(together, updated(optimizers[1], "float32", count=130)):
        np.testing.assert_array_equal(one, other)


def test_large_tensors_and_masters_have_calls_of_their_own_on_the_cpu():
    sizes = [3, kernels.SMALL + 1, kernels.SMALL, 1]
    arrays = [nd.zeros(size) for size in sizes]
    assert kernels.shared_calls(Parameters(arrays, arrays, arrays)) == [[0, 2, 3], [1]]
    assert kernels.shared_calls(Parameters(arrays[:2], arrays, arrays, arrays)) == [[0], [1]]


@pytest.mark.parametrize("kind", [SGD, NAG])
@pytest.mark.parametrize("weight_decay", [0.0, 1e-3, 0.3])
def test_float16_weights_follow_their_float32_masters(kind, weight_decay):
    exact = updated(kind(0.1, momentum=0.9, weight_decay=weight_decay), "float32", count=3, steps=50)
    mixed = updated(kind(0.1, momentum=0.9, weight_decay=weight_decay), "float16", count=3, steps=50)
    for one, other in zip(exact, mixed):
        assert np.linalg.norm(one - other) <= 1e-3 * np.linalg.norm(one)


def updated(optimizer, dtype, count, steps=3):
    random = np.random.RandomState(1)
    parameters = [gluon.Parameter(f"p{i}", shape=(3, 2), dtype=dtype) for i in range(count)]
    for parameter in parameters:
        parameter.initialize()
        parameter.set_data(nd.array(random.standard_normal((3, 2)).astype(np.float16), dtype=dtype))
    trainer = gluon.Trainer(parameters, optimizer, kvstore=None)
    for step in range(steps):
        trainer.set_learning_rate(0.1 if step < steps // 2 else 0.02)
        for parameter in parameters:
            gradient = random.standard_normal((3, 2)).astype(np.float16)
            parameter.grad()[:] = nd.array(gradient, dtype=dtype)
            parameter.data()._fresh_grad = True
        trainer.step(4)
    return [parameter.data().asnumpy().astype(float) for parameter in parameters]
