"""The gradient noise scale against problems whose answer is known."""

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon, nd

INPUTS, ERROR, NOISE = 10, 1.5, 0.8
CTX = nd.zeros(1).context


def half_square(net, points, targets):
    return 0.5 * (net(points).reshape(-1) - targets) ** 2


def measure(updates, workers, images, noise_every=1):
    """Linear regression with fixed weights, ``ERROR`` away from the true ones, on fresh samples."""
    draws = np.random.RandomState(0)
    net = gluon.nn.Dense(1, use_bias=False, in_units=INPUTS)
    net.initialize()
    weights = draws.standard_normal(INPUTS)
    true_weights = weights + ERROR * np.eye(INPUTS)[0]
    net.weight.set_data(nd.array(weights.reshape(1, -1)))
    state = gl.TrainState(net, gl.make_trainer(net, gl.SGD(0.0, 0.0, 0.0)))
    world = SingleProcess()
    turns = gl.VirtualWorkers(net, world, workers * images, images, noise_every=noise_every)

    def batches():
        while True:
            points = draws.standard_normal((images, INPUTS))
            targets = points @ true_weights + NOISE * draws.standard_normal(images)
            yield nd.array(points), nd.array(targets)

    task = gl.LossTask(half_square)
    metrics = gl.Metrics(SingleProcess(), CTX, task)
    stream = batches()
    for _ in range(updates):
        gl.train_step(state, stream, task, gl.schedules.constant(0.0), turns, metrics)
    return turns.gradient_noise()


def test_the_noise_scale_of_a_linear_regression_is_within_five_percent_of_the_analytic_value():
    """The gradient of a sample is (d.x - e) x, with x and e normal: its mean is d, the trace of its
    covariance (n + 1) |d|^2 + n var(e), by Isserlis' theorem.
    """
    square = ERROR**2
    variance = (INPUTS + 1) * square + INPUTS * NOISE**2
    found = measure(updates=600, workers=8, images=16)
    assert found["gradient_square"] == pytest.approx(square, rel=0.05)
    assert found["gradient_variance"] == pytest.approx(variance, rel=0.05)
    assert found["gradient_noise_scale"] == pytest.approx(variance / square, rel=0.05)


def test_the_estimate_does_not_depend_on_how_the_update_is_cut():
    in_two, in_sixteen = (
        measure(300, workers, 128 // workers)["gradient_noise_scale"] for workers in (2, 16)
    )
    assert in_two == pytest.approx(in_sixteen, rel=0.08)


def test_only_the_updates_that_are_asked_for_are_measured():
    every, third, never, alone = (
        measure(updates, workers, 16, noise_every)
        for updates, workers, noise_every in ((1, 4, 1), (3, 4, 3), (3, 4, 0), (3, 1, 1))
    )
    assert third == every  # of steps 0, 1 and 2 only step 0
    assert never == alone == {}


def test_a_gradient_that_cannot_be_told_from_zero_has_no_scale():
    net = gluon.nn.Dense(1, use_bias=False, in_units=2)
    net.initialize()
    turns = gl.VirtualWorkers(net, SingleProcess(), 2, 1, noise_every=1)
    for worker in turns.turns(0):
        net.weight.grad()[:] = nd.array([[1.0, 0.0]]) * (-1) ** worker
    turns.reduce()
    assert turns.gradient_noise() == {"gradient_variance": 2.0, "gradient_square": -1.0}


def test_a_measured_update_waits_for_nothing(monkeypatch):
    net = gluon.nn.Dense(1, use_bias=False, in_units=2)
    net.initialize()
    turns = gl.VirtualWorkers(net, SingleProcess(), 4, 1, noise_every=1)
    gradients = [nd.array([[1.0, worker]]) for worker in range(4)]
    with monkeypatch.context() as forbidding:
        for wait in ("asnumpy", "wait_to_read"):
            forbidding.setattr(nd.NDArray, wait, lambda array: pytest.fail("waits for the device"))
        for worker in turns.turns(0):
            gradients[worker].copyto(net.weight.grad())
        turns.reduce()
    # |g| of one image: (1 + 2 + 5 + 10) / 4; of four: 1 + 1.5^2
    assert turns.gradient_noise()["gradient_variance"] == pytest.approx((4.5 - 3.25) / (1 - 1 / 4))


def test_workers_of_an_update_that_was_broken_off_do_not_count():
    net = gluon.nn.Dense(1, use_bias=False, in_units=1)
    net.initialize()
    turns = gl.VirtualWorkers(net, SingleProcess(), 2, 1, noise_every=1)
    for _ in turns.turns(0):
        net.weight.grad()[:] = 100
    for worker in turns.turns(0):
        net.weight.grad()[:] = 1.0 + worker
    turns.reduce()
    # |g| of one image: (1 + 4) / 2; of two: (3 / 2)^2
    assert turns.gradient_noise()["gradient_variance"] == pytest.approx((2.5 - 2.25) / (1 - 1 / 2))
