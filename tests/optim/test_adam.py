import numpy as np
import pytest

from gluonlab.optim.adam import AdamW, NAdamW
from gluonlab.runtime.mxnet import gluon, nd
from tests.optim.fifty_updates import STARTS, distance, reference, trained


def adamw(lr, wd, beta1=0.9, beta2=0.999, eps=1e-8, nesterov=False):
    """Loshchilov & Hutter 2019, algorithm 2, with the decay scaled by the rate as in PyTorch."""

    def update(step, lr, state, w, g, name):
        state["m"] = beta1 * state["m"] + (1 - beta1) * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g**2
        ahead = beta1 * state["m"] + (1 - beta1) * g if nesterov else state["m"]
        m, v = ahead / (1 - beta1 ** (step + 1)), state["v"] / (1 - beta2 ** (step + 1))
        return w - lr * wd * w - lr * m / (np.sqrt(v) + eps)

    return reference(update, lr)


VARIANTS = {
    "as published": {},
    "short memory": {"beta1": 0.5, "beta2": 0.9},
    "no first moment": {"beta1": 0.0},
    "long memory": {"beta2": 0.9999},
    "large eps": {"eps": 0.1},
}


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize(("lr", "weight_decay"), [(1e-3, 0.0), (1e-3, 0.05), (0.03, 1.5)])
def test_fifty_updates_under_a_changing_rate_equal_float64(options, lr, weight_decay):
    found = trained(AdamW(0.1, weight_decay, **options), lr)
    assert distance(found, adamw(lr, weight_decay, **options)) < 1e-6


@pytest.mark.parametrize("options", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize(("lr", "weight_decay"), [(1e-3, 0.0), (0.03, 1.5)])
def test_nadamw_equals_float64_too(options, lr, weight_decay):
    found = trained(NAdamW(0.1, weight_decay, **options), lr)
    assert distance(found, adamw(lr, weight_decay, **options, nesterov=True)) < 1e-6


def test_float16_weights_follow_their_float32_masters():
    for rule, nesterov in ((AdamW, False), (NAdamW, True)):
        found = trained(rule(0.1, 0.05), 0.01, dtype="float16")
        assert distance(found, adamw(0.01, 0.05, nesterov=nesterov)) < 1e-3


def test_the_first_update_is_the_rate_whatever_the_gradient():
    """Bias correction makes m / sqrt(v) the sign of the first gradient."""
    weight = gluon.Parameter("weight", shape=(4,))
    weight.initialize()
    weight.set_data(nd.zeros(4))
    trainer = gluon.Trainer([weight], AdamW(0.25, 0.5), kvstore=None)
    weight.grad()[:] = nd.array([1e-3, -2.0, 1e4, 0.0])
    weight.data()._fresh_grad = True
    trainer.step(1)
    assert weight.data().asnumpy() == pytest.approx([-0.25, 0.25, -0.25, 0.0], rel=1e-4)


@pytest.mark.parametrize("tiny", [1e-39, 1e-45])
def test_numbers_that_float32_holds_as_subnormal_count_as_zero(tiny):
    found = trained(AdamW(0.1, tiny), tiny)
    assert all(np.array_equal(found[name], start) for name, start in STARTS.items())
