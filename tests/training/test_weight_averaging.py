"""BatchNorm's statistics of averaged weights, and the steps at which weights are taken in."""

import math
from pathlib import Path

import numpy as np
import pytest

import gluonlab as gl
from gluonlab.config import load_config
from gluonlab.errors import ConfigError
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.training.network import GluonNetwork
from gluonlab.training.weight_averaging import set_mean_statistics

DIGITS = Path(__file__).parents[2] / "configs/digits.yaml"


@pytest.mark.parametrize(
    ("norm", "shape"), [(gluon.nn.BatchNorm, (5,)), (gluon.nn.BatchNormReLU, (16, 3, 3))]
)
@pytest.mark.parametrize("workers_per_update", [1, 4])
@pytest.mark.parametrize("is_hybrid", [False, True])
def test_statistics_are_the_mean_over_all_virtual_workers(norm, shape, workers_per_update, is_hybrid):
    images = np.random.RandomState(0).normal(3.0, 2.0, (12, 16, *shape)).astype("float32")
    net = gluon.nn.HybridSequential()
    net.add(norm(in_channels=shape[0], momentum=0.8), gluon.nn.Dense(2, in_units=math.prod(shape)))
    net.initialize()
    if is_hybrid:
        net.hybridize(static_alloc=True)
    before = net[1].weight.data().asnumpy()
    workers = gl.VirtualWorkers(net, SingleProcess(), 16 * workers_per_update, 16)
    batches = iter([(nd.array(batch), None) for batch in images])
    set_mean_statistics(GluonNetwork(net), batches, workers, 12 // workers_per_update)
    of_one = (1, *range(3, images.ndim))
    assert net[0].running_mean.data().asnumpy() == pytest.approx(images.mean(of_one).mean(0), rel=1e-5)
    assert net[0].running_var.data().asnumpy() == pytest.approx(images.var(of_one).mean(0), rel=1e-5)
    assert np.array_equal(net[1].weight.data().asnumpy(), before)


def swa(*overrides):
    return load_config(DIGITS, ["averaging.name=swa", "epochs=10", *overrides])


@pytest.mark.parametrize(
    ("averaging", "epochs"),
    [
        (["averaging.from_epoch=7"], [7, 8, 9, 10]),
        (["averaging.from_epoch=7.5"], [7.5, 8.5, 9.5, 10]),
        (["averaging.from_epoch=9.4", "averaging.every_epochs=0.2"], [9.4, 9.6, 9.8, 10]),
    ],
)
def test_weights_count_at_each_interval_and_at_the_end(averaging, epochs):
    calendar = gl.Epochs(1000, 10)
    config = swa(*averaging)
    assert config.averaging.steps(calendar, config.epochs) == [round(100 * epoch) for epoch in epochs]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ([], "averaging.from_epoch: is required; the first epoch whose weights count, at three quarters"),
        (["averaging.from_epoch=10"], "averaging.from_epoch 10 must come before the end of training"),
        (
            ["averaging.from_epoch=5", "averaging.decay=0.9"],
            "averaging.decay: is not used by 'swa'; leave it out, or set name to ema",
        ),
        (
            ["averaging.name=none", "averaging.from_epoch=5"],
            "averaging.from_epoch: is not used by 'none'; leave it out, or set name to swa",
        ),
    ],
)
def test_an_averaging_that_cannot_be_is_refused(overrides, told):
    with pytest.raises(ConfigError) as caught:
        swa(*overrides)
    assert told in str(caught.value)
