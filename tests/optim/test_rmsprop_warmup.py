import numpy as np
import pytest

from gluonlab.optim.momentum import SGD
from gluonlab.optim.rmsprop_warmup import RMSpropWarmup
from gluonlab.schedules import rmsprop_to_sgd
from tests.optim.fifty_updates import RISE_ZERO_FALL, STEPS, distance, reference, trained

LR = 0.2
SHARE = rmsprop_to_sgd(center=20, period=10)


def trained_with_share(optimizer, share, dtype="float32"):
    return trained(optimizer, LR, dtype, lambda step: setattr(optimizer, "sgd_share", share(step)))


def warmup(share, wd=1e-4, mu1=0.9, mu2=0.99, eps=1e-8, rmsprop_lr=3e-4, corrects=True):
    """Akiba et al. 2017 with the buffer in units of the rate, as SGD keeps it here; in float64."""
    applied = [None, *(LR * RISE_ZERO_FALL)]

    def update(step, lr, state, w, g, name):
        c = lr / applied[step] if corrects and applied[step] and lr else 1.0
        g = g + wd * w
        state["v"] = mu2 * state["v"] + (1 - mu2) * g**2
        rms = rmsprop_lr * (1 - share(step)) / (np.sqrt(state["v"]) + eps)
        state["m"] = mu1 * c * state["m"] - (lr * share(step) + rms) * g
        return w + state["m"]

    return reference(update, LR)


VARIANTS = {
    "as published": ({}, {}),
    "no correction": ({"momentum_correction": False}, {"corrects": False}),
    "large rmsprop rate": ({"rmsprop_lr": 0.01}, {"rmsprop_lr": 0.01}),
    "large eps": ({"eps": 0.1}, {"eps": 0.1}),
    "strong decay": ({"weight_decay": 0.05}, {"wd": 0.05}),
    "memory": ({"momentum": 0.5, "beta2": 0.999}, {"mu1": 0.5, "mu2": 0.999}),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_fifty_updates_under_a_changing_rate_equal_float64(name):
    options, reference_options = VARIANTS[name]
    arguments = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, **options}
    found = trained_with_share(RMSpropWarmup(**arguments), SHARE)
    assert distance(found, warmup(SHARE, **reference_options)) < 1e-6


def test_float16_weights_follow_their_float32_masters():
    found = trained_with_share(RMSpropWarmup(0.1, 0.9, 1e-4), SHARE, dtype="float16")
    assert distance(found, warmup(SHARE)) < 1e-3


def test_after_the_transition_it_is_sgd():
    found = trained_with_share(RMSpropWarmup(0.1, 0.9, 1e-4), lambda step: 1.0)
    assert distance(found, trained(SGD(0.1, 0.9, 1e-4), LR)) < 1e-6


def test_the_corrected_rule_is_that_of_the_paper():
    """D = mu1 D - (a_sgd + a_rms / (sqrt(m) + eps)) g; w += eta D, for rates above zero."""
    random, w, d, m, v, applied = np.random.RandomState(1), np.ones(5), 0.0, 0.0, 0.0, None
    ours = w.copy()
    for step, eta in enumerate(np.linspace(6.4, 0.1, STEPS)):
        g, a = random.standard_normal(5), SHARE(step)
        m = 0.99 * m + 0.01 * g**2
        d = 0.9 * d - (a + (1 - a) * 3e-4 / eta / (np.sqrt(m) + 1e-8)) * g
        w = w + eta * d
        c = eta / applied if applied else 1.0
        v = 0.9 * c * v - (eta * a + (1 - a) * 3e-4 / (np.sqrt(m) + 1e-8)) * g
        ours, applied = ours + v, eta
    assert ours == pytest.approx(w, rel=1e-12)
