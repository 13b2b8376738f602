"""The same optimizers on PyTorch's tensors, in float64: the references that MXNet's are compared with."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gluonlab.arrays.calls_in_mxnet import parameters_per_call  # noqa: E402
from gluonlab.optim.adam import AdamW, NAdamW  # noqa: E402
from gluonlab.optim.lamb import LAMB  # noqa: E402
from gluonlab.optim.lars import LARS  # noqa: E402
from gluonlab.optim.momentum import NAG, SGD  # noqa: E402
from gluonlab.optim.rmsprop_warmup import RMSpropWarmup  # noqa: E402
from gluonlab.optim.shampoo import Shampoo  # noqa: E402
from gluonlab.optim.soap import SOAP  # noqa: E402
from gluonlab.optim.trainer import Trainer  # noqa: E402
from tests.optim import (  # noqa: E402
    fifty_updates,
    test_adam,
    test_lamb,
    test_lars,
    test_momentum,
    test_muon,
    test_rmsprop_warmup,
    test_schedule_free,
    test_shampoo,
    test_soap,
)


class Parameter:
    """What a trainer asks of a parameter, in float64."""

    dtype, grad_req, lr_mult, wd_mult = np.float64, "write", 1.0, 1.0

    def __init__(self, name, shape):
        self.name, self.shape = name, shape
        self._data, self._grad = (torch.zeros(shape, dtype=torch.float64) for _ in range(2))

    def data(self):
        return self._data

    def grad(self):
        return self._grad


def trained(optimizer, peak_lr, before_update=lambda step: None):
    return fifty_updates.trained(optimizer, peak_lr, before_update=before_update, make=Parameter)


def is_equal(found, expected, tolerance=1e-11):
    return fifty_updates.distance(found, expected) < tolerance


@pytest.mark.parametrize("options", test_adam.VARIANTS.values(), ids=test_adam.VARIANTS)
@pytest.mark.parametrize("rule", [AdamW, NAdamW])
def test_adamw(rule, options):
    expected = test_adam.adamw(0.03, 1.5, **options, nesterov=rule is NAdamW)
    assert is_equal(trained(rule(0.1, 1.5, **options), 0.03), expected)


@pytest.mark.parametrize("name", test_lamb.VARIANTS)
def test_lamb_whose_rates_are_float32_on_the_device(name):
    options, of_reference = test_lamb.VARIANTS[name]
    optimizer = LAMB(**{"learning_rate": 0.1, "weight_decay": 1.5, **options})
    assert is_equal(trained(optimizer, test_lamb.LR), test_lamb.lamb(**of_reference), 1e-6)


@pytest.mark.parametrize("name", test_rmsprop_warmup.VARIANTS)
def test_rmsprop_warmup_(name):
    options, of_reference = test_rmsprop_warmup.VARIANTS[name]
    arguments = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, **options}
    optimizer, share = RMSpropWarmup(**arguments), test_rmsprop_warmup.SHARE
    found = trained(
        optimizer, test_rmsprop_warmup.LR, lambda step: setattr(optimizer, "sgd_share", share(step))
    )
    assert is_equal(found, test_rmsprop_warmup.warmup(share, **of_reference))


@pytest.mark.parametrize("options", test_muon.FORMS.values(), ids=test_muon.FORMS)
def test_muon_(options):
    found = trained(test_muon.optimizer(NAG(0.1, 0.85, 0.05), **options), test_muon.LR)
    assert is_equal(found, test_muon.muon(test_muon.nag(0.05), **options), 1e-6)


@pytest.mark.parametrize("options", test_shampoo.VARIANTS.values(), ids=test_shampoo.VARIANTS)
def test_shampoo_(options):
    optimizer = Shampoo(0.1, 0.9, 0.05, **{"beta2": 0.99, "damping": 0.05, **options})
    assert is_equal(trained(optimizer, test_shampoo.LR), test_shampoo.shampoo(**options), 1e-9)


@pytest.mark.parametrize("options", test_soap.VARIANTS.values(), ids=test_soap.VARIANTS)
def test_soap_(options):
    found = trained(SOAP(0.1, 0.05, **{"max_side": 10, **options}), test_soap.LR)
    assert is_equal(found, test_soap.soap(**options), 1e-9)


@pytest.mark.parametrize("form", test_schedule_free.FORMS)
def test_schedule_free_(form):
    make, direction, lr = test_schedule_free.FORMS[form]
    optimizer = make(0.9)
    starts = {name: torch.from_numpy(start.astype(float)) for name, start in fifty_updates.STARTS.items()}
    optimizer.averages = starts
    y, x = test_schedule_free.points(lr, 0.05, 0.9, direction)
    assert is_equal(trained(optimizer, lr), y, 1e-10)
    assert is_equal({name: average.numpy() for name, average in optimizer.averages.items()}, x, 1e-10)


def updates(optimizer, shapes, starts, rates, gradients, batch):
    """The weights after updates by ``gradients``, a list for each of ``rates``."""
    parameters = [Parameter(f"p{place}", shape) for place, shape in enumerate(shapes)]
    for parameter, start in zip(parameters, starts):
        parameter.data().copy_(torch.from_numpy(start.astype(float)))
    trainer = Trainer(parameters, optimizer)
    for lr, of_update in zip(rates, gradients):
        for parameter, gradient in zip(parameters, of_update):
            parameter.grad().copy_(torch.from_numpy(np.asarray(gradient, float)))
        trainer.set_learning_rate(float(lr))
        trainer.step(batch)
    return [parameter.data().numpy() for parameter in parameters]


@pytest.mark.parametrize("kind", [SGD, NAG])
@pytest.mark.parametrize("corrects", [True, False])
@pytest.mark.parametrize(("momentum", "weight_decay"), [(0.9, 1e-4), (0.875, 0.0), (0.0, 1e-2)])
def test_momentum_(kind, corrects, momentum, weight_decay):
    t = test_momentum
    optimizer = kind(0.1, momentum, weight_decay, momentum_correction=corrects)
    (found,) = updates(optimizer, [(6,)], [t.START], t.RATES, t.GRADIENTS[:, None], t.BATCH)
    expected = t.reference(kind, momentum, weight_decay, corrects)
    assert np.linalg.norm(found - expected) < 1e-11 * np.linalg.norm(expected)


@pytest.mark.parametrize("name", test_lars.VARIANTS)
def test_lars_whose_rates_are_float32_on_the_device(name):
    t, (options, of_reference) = test_lars, test_lars.VARIANTS[name]
    arguments = {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 1e-4, **options}
    found = updates(LARS(**arguments), t.SHAPES, t.STARTS, t.RATES, t.GRADIENTS, t.BATCH)
    for one, expected in zip(found, t.reference(**of_reference)):
        assert np.linalg.norm(one - expected) <= 1e-6 * np.linalg.norm(expected)


def test_the_halves_do_not_see_each_other():
    with pytest.raises(AttributeError):
        parameters_per_call([torch.zeros(2)])
