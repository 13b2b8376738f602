import numpy as np
import pytest

from gluonlab.models import ModelOptions, create
from gluonlab.optim.decay import exempt_norm_and_bias
from gluonlab.optim.momentum import NAG, SGD, correction_factor
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.training.state import make_trainer

STEPS, BATCH = 50, 8
RATES = np.concatenate(
    [np.linspace(0.1, 3.2, 20), np.full(10, 3.2), [0.0, 0.0], np.linspace(0.32, 0.001, 18)]
)
GRADIENTS = np.random.RandomState(0).standard_normal((STEPS, 6)).astype(np.float32)
START = np.random.RandomState(1).standard_normal(6).astype(np.float32)


def reference(kind, momentum, weight_decay, corrects):
    """v = m c v - lr (g + wd w), in float64; c brings the buffer into the unit of the new rate."""
    w, v, applied = START.astype(np.float64), np.zeros(6), None
    for lr, gradient in zip(RATES, GRADIENTS.astype(np.float64) / BATCH):
        c = lr / applied if corrects and applied and lr else 1.0
        g = gradient + weight_decay * w
        v = momentum * c * v - lr * g
        w = w + v if kind is SGD else w + momentum * v - lr * g
        applied = lr
    return w


def trained(optimizer):
    parameter = gluon.Parameter("weight", shape=(6,))
    parameter.initialize()
    parameter.set_data(nd.array(START))
    trainer = gluon.Trainer([parameter], optimizer, kvstore=None)
    for lr, gradient in zip(RATES, GRADIENTS):
        parameter.grad()[:] = nd.array(gradient)
        parameter.data()._fresh_grad = True
        trainer.set_learning_rate(float(lr))
        trainer.step(BATCH)
    return parameter.data().asnumpy()


@pytest.mark.parametrize("kind", [SGD, NAG])
@pytest.mark.parametrize("corrects", [True, False])
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.9, 1e-4), (0.875, 0.0), (0.0, 1e-2)])
def test_fifty_updates_under_a_changing_rate_equal_float64(kind, corrects, momentum, weight_decay):
    weights = trained(kind(0.1, momentum, weight_decay, momentum_correction=corrects))
    expected = reference(kind, momentum, weight_decay, corrects)
    assert np.linalg.norm(weights - expected) / np.linalg.norm(expected) < 1e-6


def test_corrected_sgd_is_the_rule_of_the_paper():
    """u = m u + g; w -= lr u (Goyal et al. 2017, equation 9), for rates that stay above zero."""
    rates = RATES[RATES > 0]
    w, u, v, applied = START.astype(np.float64), np.zeros(6), np.zeros(6), None
    other = w.copy()
    for lr, g in zip(rates, GRADIENTS.astype(np.float64)):
        u = 0.9 * u + g
        w = w - lr * u
        v = 0.9 * correction_factor(applied, lr) * v - lr * g
        other, applied = other + v, lr
    assert other == pytest.approx(w, rel=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "factor"), [(None, 0.1, 1), (0.1, 0.0, 1), (0.0, 0.1, 1), (0.2, 0.1, 0.5)]
)
def test_the_correction_is_the_ratio_of_the_rates_and_one_at_zero(old, new, factor):
    assert correction_factor(old, new) == factor


def test_class_token_and_position_embedding_are_exempt_from_decay():
    net = create("deit_tiny_patch16_224", options=ModelOptions(image_size=32))
    net.initialize()
    exempt_norm_and_bias(net)
    parameters = net._collect_params_with_prefix()
    before = {name: parameter.data().asnumpy() for name, parameter in parameters.items()}
    trainer = make_trainer(net, SGD(0.1, momentum=0.9, weight_decay=0.5))
    for parameter in parameters.values():
        parameter.data()._fresh_grad = True
    trainer.step(1)  # gradients are zero, so only decay moves weights
    moved = {name for name, p in parameters.items() if not np.array_equal(p.data().asnumpy(), before[name])}
    assert moved == {name for name, p in parameters.items() if name.endswith("weight")}


def test_only_one_dimensional_parameters_are_exempt_from_decay():
    net = gluon.nn.HybridSequential()
    net.add(
        gluon.nn.Conv2D(4, 3, in_channels=2), gluon.nn.BatchNorm(in_channels=4), gluon.nn.Dense(3, in_units=4)
    )
    net.initialize()
    assert sorted(exempt_norm_and_bias(net)) == ["0.bias", "1.beta", "1.gamma", "2.bias"]
    before = net[1].gamma.data().asnumpy(), net[2].weight.data().asnumpy()
    trainer = make_trainer(net, SGD(0.1, momentum=0.9, weight_decay=0.5))
    for parameter in net.collect_params().values():
        if parameter.grad_req != "null":
            parameter.data()._fresh_grad = True
    trainer.step(1)  # gradients are zero, so only decay moves weights
    assert np.array_equal(net[1].gamma.data().asnumpy(), before[0])
    assert net[2].weight.data().asnumpy() == pytest.approx(before[1] * (1 - 0.1 * 0.5), rel=1e-6)
