import numpy as np
import pytest

from gluonlab.arrays import calls_in_mxnet
from gluonlab.optim.lamb import LAMB
from gluonlab.runtime.mxnet import gluon, nd
from tests.optim.fifty_updates import distance, reference, trained

LR = 0.03


def lamb(wd=1.5, corrects=True, eps=1e-6, beta2=0.999, bounds=(0, np.inf), norm=False, bias=False):
    """You et al. 2020, algorithm 2, in float64; vectors have ratio 1 unless ``norm`` or ``bias``."""

    def update(step, lr, state, w, g, name):
        state["m"] = 0.9 * state["m"] + 0.1 * g
        state["v"] = beta2 * state["v"] + (1 - beta2) * g**2
        m, v = state["m"], state["v"]
        if corrects:
            m, v = m / (1 - 0.9 ** (step + 1)), v / (1 - beta2 ** (step + 1))
        r = m / (np.sqrt(v) + eps) + wd * w
        ratio, sizes = 1.0, (np.linalg.norm(w), np.linalg.norm(r))
        if min(sizes) > 0 and (w.ndim > 1 or (bias if name.endswith("bias") else norm)):
            ratio = np.clip(sizes[0] / sizes[1], *bounds)
        return w - lr * ratio * r

    return reference(update, LR)


VARIANTS = {
    "as published": ({}, {}),
    "authors' code": ({"bias_correction": False}, {"corrects": False}),
    "no decay": ({"weight_decay": 0.0}, {"wd": 0}),
    "large eps": ({"eps": 0.1}, {"eps": 0.1}),
    "short memory": ({"beta2": 0.9, "bias_correction": False}, {"beta2": 0.9, "corrects": False}),
    "bounded": ({"min_trust_ratio": 0.8, "max_trust_ratio": 0.9}, {"bounds": (0.8, 0.9)}),
    "norm too": ({"scale_norm": True}, {"norm": True}),
    "bias too": ({"scale_bias": True}, {"bias": True}),
}


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("per_call", [1, 4])
def test_fifty_updates_under_a_changing_rate_equal_float64(name, per_call, monkeypatch):
    monkeypatch.setattr(calls_in_mxnet, "parameters_per_call", lambda arrays: per_call)
    options, reference_options = VARIANTS[name]
    found = trained(LAMB(**{"learning_rate": 0.1, "weight_decay": 1.5, **options}), LR)
    assert distance(found, lamb(**reference_options)) < 1e-6


def test_every_variant_is_another_rule():
    """Otherwise the references above could not tell one switch from another."""
    ends = [lamb(**options) for _, options in VARIANTS.values()]
    for i, one in enumerate(ends):
        assert all(distance(one, other) > 1e-4 for other in ends[i + 1 :])


def test_float16_weights_follow_their_float32_masters():
    assert distance(trained(LAMB(0.1, 1.5), LR, dtype="float16"), lamb()) < 1e-3


def test_the_update_of_a_layer_is_as_large_as_the_rate_says():
    """The point of LAMB: |update| = lr |w|, whatever the gradient."""
    for size in (1e-3, 1.0, 1e4):
        weight = gluon.Parameter("weight", shape=(3, 4))
        weight.initialize()
        weight.set_data(nd.array(np.full((3, 4), 0.5)))
        trainer = gluon.Trainer([weight], LAMB(0.125, 0.0), kvstore=None)
        weight.grad()[:] = size
        weight.data()._fresh_grad = True
        trainer.step(1)
        assert weight.data().asnumpy() == pytest.approx(np.full((3, 4), 0.5 - 0.125 * 0.5), rel=1e-5)
