import numpy as np
import pytest

from gluonlab.optim.shampoo import Shampoo
from gluonlab.runtime.mxnet import gluon, nd
from tests.optim.fifty_updates import distance, reference, trained

LR = 0.02


def power_of(mean, power, damping):
    values, vectors = np.linalg.eigh(mean)
    return (vectors * (values.clip(0) + damping * values[-1]) ** power) @ vectors.T


def shampoo(beta2=0.99, damping=0.05, precondition_every=10, max_side=1024):
    """Gupta et al. 2018 with the size of SGD's step, in float64."""

    def update(step, lr, state, w, g, name):
        matrix = g.reshape(len(g), -1)
        sides = {"left": matrix, "right": matrix.T} if g.ndim > 1 else {}
        sides = {side: factor for side, factor in sides.items() if len(factor) <= max_side}
        for side, factor in sides.items():
            state[side] = beta2 * state.get(side, 0.0) + (1 - beta2) * factor @ factor.T
            if step % precondition_every == 0:
                mean = state[side] / (1 - beta2 ** (step + 1))
                state["root", side] = power_of(mean, -1 / (2 * len(sides)), damping)
        d = matrix
        d = state["root", "left"] @ d if "left" in sides else d
        d = d @ state["root", "right"] if "right" in sides else d
        d = d * np.linalg.norm(g) / np.linalg.norm(d)
        state["m"] = 0.9 * state["m"] + d.reshape(g.shape)
        return w - lr * 0.05 * w - lr * state["m"]

    return reference(update, LR)


VARIANTS = {
    "both sides": {},
    "roots anew each time": {"precondition_every": 1},
    "roots that grow old": {"precondition_every": 30, "beta2": 0.9},
    "one long side": {"max_side": 10},
    "right side alone": {"max_side": 4},
    "no side": {"max_side": 1},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
def test_fifty_updates_under_a_changing_rate_equal_float64(options):
    found = trained(Shampoo(0.1, 0.9, 0.05, **{"beta2": 0.99, "damping": 0.05, **options}), LR)
    assert distance(found, shampoo(**options)) < 1e-6


def test_float16_weights_follow_their_float32_masters():
    found = trained(Shampoo(0.1, 0.9, 0.05, beta2=0.99, damping=0.05), LR, dtype="float16")
    assert distance(found, shampoo()) < 2e-3


def test_a_first_gradient_of_any_scales_becomes_orthogonal_and_kedamping_its_size():
    """L^-1/4 g R^-1/4 of one gradient is U V^T: what Muon approximates."""
    weight = gluon.Parameter("weight", shape=(2, 2))
    weight.initialize(init="zeros")
    trainer = gluon.Trainer([weight], Shampoo(1.0, 0.0, 0.0, damping=1e-12), kvstore=None)
    weight.grad()[:] = nd.array([[3.0, 0.0], [0.0, 0.004]])
    weight.data()._fresh_grad = True
    trainer.step(1)
    assert weight.data().asnumpy() == pytest.approx(-3 / np.sqrt(2) * np.eye(2), rel=1e-3)


def test_without_a_gradient_only_the_decay_moves_a_weight():
    weight = gluon.Parameter("weight", shape=(2, 3))
    weight.initialize(init="ones")
    trainer = gluon.Trainer([weight], Shampoo(0.5, 0.9, 0.1), kvstore=None)
    weight.data()._fresh_grad = True
    trainer.step(1)
    assert weight.data().asnumpy() == pytest.approx(np.full((2, 3), 0.95))
