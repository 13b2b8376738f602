import numpy as np
import pytest

from gluonlab.arrays import calls_in_mxnet
from gluonlab.optim.lars import LARS
from gluonlab.runtime.mxnet import gluon, nd

STEPS, BATCH = 50, 8
RATES = np.concatenate([np.linspace(0.1, 3.2, 20), np.full(10, 3.2), [0.0, 0.0], np.linspace(0.32, 0.0, 18)])
SHAPES = [(4, 3, 3, 3), (5, 6), (7,), (2, 2)]
RANDOM = np.random.RandomState(0)
STARTS = [RANDOM.standard_normal(shape).astype(np.float32) for shape in SHAPES]
STARTS[3][:] = 0  # a layer without weights has no trust ratio
GRADIENTS = [[RANDOM.standard_normal(shape).astype(np.float32) for shape in SHAPES] for _ in range(STEPS)]


def reference(momentum=0.9, wd=1e-4, corrects=True, eta=0.001, eps=0.0, most=np.inf, clip=False, every=False):
    """You et al. 2017, algorithm 1, in float64; vectors are left out unless ``every``."""
    weights, buffers, applied = [start.astype(float) for start in STARTS], [0.0] * len(SHAPES), None
    for lr, gradients in zip(RATES, GRADIENTS):
        c = lr / applied if corrects and applied and lr else 1.0
        applied = lr
        for i, gradient in enumerate(gradients):
            g, w, rate = gradient.astype(float) / BATCH, weights[i], lr
            sizes = np.linalg.norm(w), np.linalg.norm(g)
            if (w.ndim > 1 or every) and min(sizes) > 0:
                ratio = min(eta * sizes[0] / (sizes[1] + wd * sizes[0] + eps), most)
                rate = min(lr, ratio) if clip else lr * ratio
            buffers[i] = momentum * c * buffers[i] - rate * (g + wd * w)
            weights[i] = w + buffers[i]
    return weights


def trained(optimizer, dtype="float32"):
    parameters = [gluon.Parameter(f"p{i}", shape=shape, dtype=dtype) for i, shape in enumerate(SHAPES)]
    for parameter, start in zip(parameters, STARTS):
        parameter.initialize()
        parameter.set_data(nd.array(start, dtype=dtype))
    trainer = gluon.Trainer(parameters, optimizer, kvstore=None)
    for lr, gradients in zip(RATES, GRADIENTS):
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad()[:] = nd.array(gradient, dtype=dtype)
            parameter.data()._fresh_grad = True
        trainer.set_learning_rate(float(lr))
        trainer.step(BATCH)
    return [parameter.data().asnumpy().astype(float) for parameter in parameters]


VARIANTS = {
    "as published": ({}, {}),
    "no correction": ({"momentum_correction": False}, {"corrects": False}),
    "strong decay": ({"weight_decay": 0.05, "momentum": 0.5}, {"wd": 0.05, "momentum": 0.5}),
    "large coefficient": ({"trust_coefficient": 0.02}, {"eta": 0.02}),
    "eps": ({"trust_eps": 0.3}, {"eps": 0.3}),
    "bounded ratio": (
        {"trust_coefficient": 1.0, "max_trust_ratio": 0.05, "momentum": 0.5},
        {"eta": 1.0, "most": 0.05, "momentum": 0.5},
    ),
    "LARC clip": ({"larc_clip": True, "trust_coefficient": 0.02}, {"clip": True, "eta": 0.02}),
    "vectors too": ({"scale_norm_and_bias": True}, {"every": True}),
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("per_call", [1, 3])
def test_fifty_updates_under_a_changing_rate_equal_float64(name, per_call, monkeypatch):
    monkeypatch.setattr(calls_in_mxnet, "parameters_per_call", lambda arrays: per_call)
    options, reference_options = VARIANTS[name]
    weights = trained(LARS(**{"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, **options}))
    for found, expected in zip(weights, reference(**reference_options)):
        assert np.linalg.norm(found - expected) <= 1e-6 * np.linalg.norm(expected)


@pytest.mark.parametrize("per_call", [1, 3])
def test_float16_weights_follow_their_float32_masters(per_call, monkeypatch):
    monkeypatch.setattr(calls_in_mxnet, "parameters_per_call", lambda arrays: per_call)
    weights = trained(LARS(0.1, 0.9, 1e-4), dtype="float16")
    for found, expected in zip(weights, reference()):
        assert np.linalg.norm(found - expected) <= 1e-3 * np.linalg.norm(expected)


def test_the_ratio_makes_the_update_independent_of_the_size_of_the_gradient():
    """The point of LARS: without decay and momentum, |update| = lr * eta * |w|."""
    for size in (1e-4, 1.0, 1e4):
        weight = gluon.Parameter("weight", shape=(3, 4))
        weight.initialize()
        weight.set_data(nd.array(np.full((3, 4), 0.5)))
        trainer = gluon.Trainer([weight], LARS(2.0, 0.0, 0.0, trust_coefficient=0.01), kvstore=None)
        weight.grad()[:] = size
        weight.data()._fresh_grad = True
        trainer.step(1)
        moved = np.linalg.norm(weight.data().asnumpy() - 0.5)
        assert moved == pytest.approx(2.0 * 0.01 * np.linalg.norm(np.full((3, 4), 0.5)), rel=1e-5)
