import math

import numpy as np
import pytest

from gluonlab.optim.adam import AdamW
from gluonlab.optim.momentum import NAG
from gluonlab.optim.muon import Muon, factor_of
from gluonlab.optim.newton_schulz import orthogonalised
from gluonlab.runtime.mxnet import gluon, nd
from tests.optim.fifty_updates import SHAPES, STARTS, distance, reference, trained

LR, RATIO, MOMENTUM = 0.02, 0.5, 0.6
MATRICES = {name for name, shape in SHAPES.items() if len(shape) > 1}
FACTORS = {
    "none": lambda rows, columns: 1.0,
    "aspect": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "rms": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


def polynomial(matrix, steps):
    """Newton and Schulz as Jordan et al. 2024 write it, in float64."""
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    for _ in range(steps):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def muon(rest, steps=5, shape_factor="aspect", normalizes=False, wd=0.01, matrices=MATRICES):
    """In float64; ``rest(step, lr, state, w, g)`` updates the others."""

    def update(step, lr, state, w, g, name):
        if name not in matrices:
            return rest(step, lr * RATIO, state, w, g)
        state["m"] = MOMENTUM * state["m"] + g
        u = g + MOMENTUM * state["m"]
        u = u.reshape(len(u), -1)
        if normalizes:
            norm = np.linalg.norm(w)
            w = w * math.sqrt(len(w)) / norm if norm else w
        else:
            w = w - lr * wd * w
        step_of_one = polynomial(u / (np.linalg.norm(u) + 1e-7), steps).reshape(w.shape)
        return w - lr * FACTORS[shape_factor](*u.shape) * step_of_one

    return reference(update, LR)


def nag(wd):
    """Sutskever et al. 2013, the buffer free of the rate's unit as momentum correction has it."""

    def update(step, lr, state, w, g):
        g = g + wd * w
        c = lr / state["lr"] if state.get("lr") and lr else 1.0
        state["m"] = 0.85 * c * state["m"] - lr * g
        state["lr"] = lr
        return w + 0.85 * state["m"] - lr * g

    return update


def adamw(wd):
    def update(step, lr, state, w, g):
        state["m"] = 0.9 * state["m"] + 0.1 * g
        state["v"] = 0.95 * state["v"] + 0.05 * g**2
        m, v = state["m"] / (1 - 0.9 ** (step + 1)), state["v"] / (1 - 0.95 ** (step + 1))
        return w - lr * wd * w - lr * m / (np.sqrt(v) + 1e-8)

    return update


def optimizer(rest, **options):
    return Muon(0.1, MOMENTUM, 0.01, rest, rest_lr_ratio=RATIO, **options)


FORMS = {
    "library": {},
    "speedrun": {"steps": 3, "shape_factor": "none", "normalizes": True},
    "rate of AdamW": {"shape_factor": "rms"},
}


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_fifty_updates_under_a_changing_rate_equal_float64(options):
    found = trained(optimizer(NAG(0.1, 0.85, 0.05), **options), LR)
    assert distance(found, muon(nag(0.05), **options)) < 1e-6


def test_the_rest_may_take_adamw_at_a_rate_of_its_own():
    found = trained(optimizer(AdamW(0.1, 0.1, beta2=0.95)), LR)
    assert distance(found, muon(adamw(0.1))) < 1e-6


def test_the_chosen_ones_take_it_and_no_others():
    found = trained(optimizer(NAG(0.1, 0.85, 0.05), matrices=frozenset({"conv_weight"})), LR)
    assert distance(found, muon(nag(0.05), matrices={"conv_weight"})) < 1e-6


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_float16_weights_follow_their_float32_masters(options):
    found = trained(optimizer(NAG(0.1, 0.85, 0.05), **options), LR, dtype="float16")
    assert distance(found, muon(nag(0.05), **options)) < 2e-3


def test_the_shape_factor_of_filters_is_that_of_their_matrix():
    """The trap of the last two axes: a square kernel would always have the factor 1."""
    assert factor_of((64, 3 * 9), "aspect") == pytest.approx(math.sqrt(64 / 27))
    moved = {}
    for kind in ("none", "aspect"):
        weight = gluon.Parameter("weight", shape=(36, 1, 3, 3))
        weight.initialize(init="zeros")
        trainer = gluon.Trainer([weight], optimizer(NAG(0.1, 0.9, 0.0), shape_factor=kind), kvstore=None)
        weight.grad()[:] = nd.array(np.random.RandomState(0).standard_normal(weight.shape))
        weight.data()._fresh_grad = True
        trainer.step(1)
        moved[kind] = weight.data().asnumpy()
    assert moved["aspect"] == pytest.approx(2 * moved["none"], rel=1e-5)


@pytest.mark.parametrize("shape", [(8, 8), (3, 40), (40, 3), (64, 576), (1, 5)])
def test_singular_values_become_nearly_one(shape):
    random = np.random.RandomState(0).standard_normal(shape).astype(np.float32)
    matrix = random / np.linalg.norm(random)
    found = orthogonalised(nd.array(matrix), 5).asnumpy()
    assert found == pytest.approx(polynomial(matrix.astype(float), 5), abs=2e-5)
    values = np.linalg.svd(found, compute_uv=False)
    assert values.max() < 1.3
    assert values.min() > 0.3


def test_a_zero_gradient_moves_nothing_but_the_decay():
    weight = gluon.Parameter("weight", shape=(2, 3))
    weight.initialize(init="ones")
    trainer = gluon.Trainer([weight], Muon(0.5, 0.9, 0.1, NAG(0.1, 0.9, 0.0)), kvstore=None)
    weight.data()._fresh_grad = True
    trainer.step(1)
    assert weight.data().asnumpy() == pytest.approx(np.full((2, 3), 0.95))
    assert np.isfinite(trained(optimizer(NAG(0.1, 0.85, 0.0)), 1e-3)["zero_weight"]).all()
    assert STARTS["zero_weight"].max() == 0
