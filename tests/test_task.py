"""A task of one's own: losses and metrics by name, over batches of any arrays."""

import math

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.errors import ConfigError, DataError
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.task import score_of

CTX = nd.zeros(1).context
DRAW = np.random.RandomState(0)
LEFT, RIGHT = DRAW.standard_normal((40, 3)), DRAW.standard_normal((40, 2))
TARGET = LEFT @ np.array([1.0, -2.0, 3.0]) + RIGHT @ np.array([0.5, 4.0])


class TwoInputs(gluon.HybridBlock):
    def __init__(self):
        super().__init__()
        self.left, self.right = gluon.nn.Dense(1, in_units=3), gluon.nn.Dense(1, in_units=2, use_bias=False)

    def hybrid_forward(self, F, left, right):
        return (self.left(left) + self.right(right)).reshape((-1,))


def squares(net, left, right, target):
    outputs = net(left, right)
    return (outputs - target) ** 2, outputs


def is_near(outputs, left, right, target):
    return (outputs - target).abs() < 0.1


REGRESSION = gl.LossTask(squares, {"near": is_near}, score="near", unit="points")


def evaluate(net, task=REGRESSION, arrays=(LEFT, RIGHT, TARGET)):
    requests = gl.evaluation_requests(len(arrays[0]), 16, 0, 1)
    return gl.evaluate(net, gl.ArrayLoader(*arrays, ctx=CTX).batches(requests), task, SingleProcess(), CTX)


def make_state(rate=0.1):
    net = TwoInputs()
    net.initialize("zeros")
    net.hybridize()
    return gl.TrainState(net, gl.make_trainer(net, gl.SGD(rate, 0.0, 0.0)))


def train(state, task, batches, steps, worker=4):
    workers = gl.VirtualWorkers(state.net, SingleProcess(), 8, worker)
    metrics = gl.Metrics(SingleProcess(), CTX, task)
    for _ in range(steps):
        gl.train_step(state, batches, task, lambda step: 0.1, workers, metrics)
    return metrics.compute()


def batches_of(*arrays, steps, worker=4):
    requests = gl.Sampler(gl.Epochs(len(arrays[0]), 8), seed=0).requests(0, steps, worker, range(8 // worker))
    return gl.ArrayLoader(*arrays, ctx=CTX).batches(requests)


def test_loss_and_metrics_are_averages_over_samples_of_uneven_batches():
    net = make_state().net
    results = evaluate(net)
    assert results["count"] == 40  # 16, 16 and 8
    assert results["loss"] == pytest.approx(float((TARGET**2).mean()), rel=1e-6)
    assert results["near"] == np.mean(np.abs(TARGET) < 0.1)


def test_a_network_of_two_inputs_learns_a_regression():
    state = make_state()
    before = evaluate(state.net)
    train(state, REGRESSION, batches_of(LEFT, RIGHT, TARGET, steps=200), 200)
    after = evaluate(state.net)
    assert after["near"] == 1.0
    assert after["loss"] < 1e-4 < before["loss"]
    assert state.net.right.weight.data().asnumpy() == pytest.approx(np.array([[0.5, 4.0]]), abs=1e-2)


def test_one_update_is_that_of_the_mean_squared_error():
    state = make_state()
    results = train(state, REGRESSION, batches_of(LEFT, RIGHT, TARGET, steps=1), 1)
    seen = gl.Sampler(gl.Epochs(40, 8), seed=0).global_batch(0).indices
    expected = 0.1 * 2 * (TARGET[seen, None] * RIGHT[seen]).mean(axis=0)
    assert state.net.right.weight.data().asnumpy()[0] == pytest.approx(expected, rel=1e-5)
    assert results["loss"] == pytest.approx((TARGET[seen] ** 2).mean(), rel=1e-6)


def test_a_score_is_more_where_it_is_better():
    results = {"loss": 2.0, "near": 0.5}
    assert score_of(REGRESSION, results) == 0.5
    assert score_of(gl.LossTask(squares), results) == -2.0
    assert score_of(gl.Classification(None), {"loss": 2.0, "top1": 0.7}) == 0.7


def test_a_score_that_is_no_metric_is_refused():
    with pytest.raises(ConfigError, match=r"CFG91\] score: 'far' is no metric; one of loss, near"):
        gl.LossTask(squares, {"near": is_near}, score="far")


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (lambda net, left, right, target: squares(net, left, right, target)[0].mean(), r"has shape \(1,\)"),
        (lambda net, left, right, target: net(left, right).reshape((-1, 1)), r"has shape \(4, 1\)"),
    ],
)
def test_losses_that_are_not_one_for_each_sample_are_refused(loss, words):
    with pytest.raises(ConfigError, match=rf"CFG90\] loss: {words} over 4 samples; one loss for each sample"):
        train(make_state(), gl.LossTask(loss), batches_of(LEFT, RIGHT, TARGET, steps=1), 1)


def test_a_batch_of_arrays_of_different_lengths_is_refused():
    task = gl.LossTask(lambda net, left, right, target: squares(net, left, right, target[:4])[0])
    batch = nd.array(LEFT[:4]), nd.array(RIGHT[:4]), nd.array(TARGET[:5])
    with pytest.raises(ConfigError, match=r"CFG90\] batch: arrays of 4, 4, 5 samples"):
        train(make_state(), task, iter([batch] * 2), 1)


def test_arrays_of_different_lengths_and_none_are_refused():
    with pytest.raises(DataError, match=r"DAT12\] arrays: 3, 4 samples"):
        gl.ArrayLoader(np.zeros(3), np.zeros(4), ctx=CTX)
    with pytest.raises(DataError, match="DAT01"):
        gl.ArrayLoader(np.zeros((0, 2)), ctx=CTX)


def test_integers_stay_integers_and_padding_is_left_out():
    loader = gl.ArrayLoader(np.arange(5), np.arange(5) / 2, ctx=CTX)
    requests = gl.evaluation_requests(5, 4, 0, 1)
    numbers, halves = zip(*loader.batches(requests))
    assert [array.dtype for array in (numbers[0], halves[0])] == [np.int32, np.float32]
    assert np.concatenate([array.asnumpy() for array in numbers]).tolist() == [0, 1, 2, 3, 4]
    assert halves[-1].asnumpy().tolist() == [2.0]


def test_the_average_of_a_metric_over_nothing_is_nan():
    results = gl.Metrics(SingleProcess(), CTX, REGRESSION).compute()
    assert results["count"] == 0
    assert math.isnan(results["near"])
