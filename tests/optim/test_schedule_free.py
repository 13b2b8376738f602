import numpy as np
import pytest

import gluonlab as gl
from gluonlab.optim.schedule_free import ScheduleFreeAdamW, ScheduleFreeAverage, ScheduleFreeSGD
from gluonlab.runtime.mxnet import gluon, nd
from tests.optim.fifty_updates import BATCH, GRADIENTS, RISE_ZERO_FALL, STARTS, distance, trained


def points(lr_peak, wd, beta, direction):
    """y and x after 50 updates as Defazio et al. 2024 write them, three sequences, in float64."""
    y = {name: start.astype(float) for name, start in STARTS.items()}
    x, z, states = dict(y), dict(y), {name: {"v": 0.0} for name in y}
    largest = total = 0.0
    for step, lr in enumerate(lr_peak * RISE_ZERO_FALL):
        largest = max(largest, lr)
        total += largest**2
        c = largest**2 / total if total else 0.0
        for name in y:
            g = GRADIENTS[step][name].astype(float) / BATCH
            z[name] = z[name] - lr * direction(step, states[name], y[name], g, wd)
            x[name] = (1 - c) * x[name] + c * z[name]
            y[name] = (1 - beta) * z[name] + beta * x[name]
    return y, x


def sgd(step, state, y, g, wd):
    return g + wd * y


def adamw(step, state, y, g, wd):
    state["v"] = 0.99 * state["v"] + 0.01 * g**2
    return g / (np.sqrt(state["v"] / (1 - 0.99 ** (step + 1))) + 1e-8) + wd * y


FORMS = {
    "sgd": (lambda beta: ScheduleFreeSGD(0.1, 0.05, beta=beta), sgd, 0.5),
    "adamw": (lambda beta: ScheduleFreeAdamW(0.1, 0.05, beta=beta, beta2=0.99), adamw, 0.01),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("beta", [0.9, 0.5, 0.98])
def test_fifty_updates_under_a_changing_rate_equal_float64(form, beta):
    make, direction, lr = FORMS[form]
    optimizer = make(beta)
    optimizer.averages = {name: nd.array(start) for name, start in STARTS.items()}
    y, x = points(lr, 0.05, beta, direction)
    assert distance(trained(optimizer, lr), y) < 1e-6
    found = {name: average.asnumpy().astype(float) for name, average in optimizer.averages.items()}
    assert distance(found, x) < 1e-6


@pytest.mark.parametrize("form", FORMS)
def test_float16_weights_follow_their_float32_masters(form):
    make, direction, lr = FORMS[form]
    assert distance(trained(make(0.9), lr, dtype="float16"), points(lr, 0.05, 0.9, direction)[0]) < 1e-3


def test_what_is_evaluated_is_x():
    """After one update at any rate x is z, and so is y."""
    net = gluon.nn.Dense(2, in_units=3)
    net.initialize()
    start = net.weight.data().asnumpy()
    optimizer = ScheduleFreeSGD(0.5, 0.0)
    state = gl.TrainState(net, gl.make_trainer(net, optimizer), average=ScheduleFreeAverage(net, optimizer))
    net.weight.grad()[:] = 1.0
    for expected_y, expected_x in ((-0.5, -0.5), (-0.775, -0.75)):  # y is a tenth z, the rest x
        for parameter in (net.weight, net.bias):
            parameter.data()._fresh_grad = True
        state.trainer.step(1)
        assert net.weight.data().asnumpy() == pytest.approx(start + expected_y, abs=1e-6)
        assert state.average.averages["weight"].asnumpy() == pytest.approx(start + expected_x, abs=1e-6)
    assert not state.evaluates_average
    state.average.take_in()
    with state.weights_to_evaluate():
        assert net.weight.data().asnumpy() == pytest.approx(start - 0.75, abs=1e-6)
    assert net.weight.data().asnumpy() == pytest.approx(start - 0.775, abs=1e-6)
