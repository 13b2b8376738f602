import math

import numpy as np
import pytest

from gluonlab.losses.blocks import SmoothedCrossEntropy
from gluonlab.metrics import MAX_IN_FLIGHT, Metrics
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import mx, nd
from gluonlab.task import Classification


@pytest.fixture
def metrics():
    return Metrics(SingleProcess(), mx.cpu(), Classification(SmoothedCrossEntropy()))


def test_sums_are_divided_once_over_uneven_batches(metrics):
    generator = np.random.RandomState(0)
    logits, labels = generator.standard_normal((37, 20)), generator.randint(0, 20, 37)
    losses = generator.random_sample(37)
    for part in (slice(0, 30), slice(30, 37)):
        metrics.update(nd.array(losses[part]), nd.array(logits[part]), (None, nd.array(labels[part])))
    order = np.argsort(-logits, axis=1)
    results = metrics.compute()
    assert results["count"] == 37
    assert results["loss"] == pytest.approx(losses.mean(), rel=1e-6)
    assert results["top1"] == (order[:, 0] == labels).sum() / 37
    assert results["top5"] == (order[:, :5] == labels[:, None]).sum() / 37
    assert metrics.compute() == results


def test_padding_does_not_count(metrics):
    metrics.update(nd.array([1.0, 99.0]), nd.array([[1.0, 0.0], [1.0, 0.0]]), (None, nd.array([0.0, -1.0])))
    assert metrics.compute() == {"loss": 1.0, "top1": 1.0, "top5": 1.0, "count": 1.0}


def test_top5_of_fewer_than_five_classes_is_one(metrics):
    metrics.update(nd.array([1.0]), nd.array([[3.0, 2.0, 1.0]]), (None, nd.array([2.0])))
    results = metrics.compute()
    assert (results["top1"], results["top5"]) == (0.0, 1.0)


def test_equal_logits_get_no_credit(metrics):
    metrics.update(nd.array([1.0]), nd.zeros((1, 10)), (None, nd.array([0.0])))
    assert metrics.compute()["top1"] == 0.0


def test_nan_logits_are_never_right_and_make_the_loss_nan(metrics):
    metrics.update(nd.array([math.nan]), nd.full((1, 10), math.nan), (None, nd.array([3.0])))
    results = metrics.compute()
    assert (results["top1"], results["top5"]) == (0.0, 0.0)
    assert math.isnan(results["loss"])


def test_the_average_of_nothing_is_nan_not_zero(metrics):
    results = metrics.compute()
    assert results["count"] == 0
    assert math.isnan(results["top1"])


def test_batches_do_not_pile_up_on_the_device(metrics):
    for _ in range(10):
        metrics.update(nd.ones(4), nd.ones((4, 3)), (None, nd.zeros(4)))
    assert len(metrics._in_flight) == MAX_IN_FLIGHT
    assert metrics.compute()["count"] == 40
