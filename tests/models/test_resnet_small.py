"""The small ResNets: sizes, the shortcut without parameters, and that they learn."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pytest

from gluonlab.models import create
from gluonlab.models.inspection import count_parameters
from gluonlab.models.resnet_small import ZeroPaddedShortcut
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd


def parameters_by_hand(stem, widths, blocks_per_stage, input_channels):
    total = 9 * input_channels * stem + 2 * stem
    channels = stem
    for width in widths:
        for _ in range(blocks_per_stage):
            total += 9 * channels * width + 9 * width * width + 2 * (width + width)
            channels = width
    return total + (channels + 1) * 10


@pytest.mark.parametrize(
    ("depth", "parameters"), [(20, 269_722), (32, 464_154), (44, 658_586), (56, 853_018), (110, 1_727_962)]
)
def test_cifar_parameters(depth, parameters):
    assert parameters_by_hand(16, (16, 32, 64), (depth - 2) // 6, 3) == parameters
    assert count_parameters(create(f"cifar_resnet{depth}")) == parameters


def test_small_resnet8_parameters():
    assert count_parameters(create("small_resnet8")) == parameters_by_hand(16, (16, 32, 64), 1, 1)


def test_depth_counts_the_weighted_layers():
    weights = [
        name for name in create("cifar_resnet110")._collect_params_with_prefix() if name.endswith("weight")
    ]
    assert len(weights) == 110


@pytest.mark.parametrize("size", [7, 8])
def test_the_shortcut_keeps_every_second_pixel_and_appends_zeros(size):
    images = np.random.RandomState(0).normal(size=(2, 3, size, size)).astype("float32")
    shortcut = ZeroPaddedShortcut()
    expected = np.concatenate([images[:, :, ::2, ::2], 0 * images[:, :, ::2, ::2]], axis=1)
    np.testing.assert_array_equal(shortcut(nd.array(images)).asnumpy(), expected)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("cifar_resnet20", (2, 3, 32, 32)), ("small_resnet8", (2, 1, 28, 28)), ("small_resnet8", (2, 1, 8, 8))],
)
def test_hybridized_equals_imperative(name, shape):
    net = create(name)
    net.initialize()
    images = nd.array(np.random.RandomState(0).normal(size=shape))
    imperative = net(images).asnumpy()
    net.hybridize()
    assert imperative.shape == (2, 10)
    np.testing.assert_allclose(net(images).asnumpy(), imperative, rtol=1e-5, atol=1e-6)


def test_small_resnet8_learns_digits():
    with (files("gluonlab") / "data" / "digits.npz").open("rb") as file, np.load(file) as digits:
        images, labels = nd.array(digits["images"][:, None] / 16), nd.array(digits["labels"])
    mx.random.seed(0)
    net = create("small_resnet8")
    net.initialize()
    net.hybridize()
    loss_fn = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(
        net.collect_params(), "nag", {"learning_rate": 0.05, "momentum": 0.9}, kvstore=None
    )
    for start in [32 * i for i in range(44)] * 10:
        with autograd.record():
            losses = loss_fn(net(images[start : start + 32]), labels[start : start + 32])
        losses.backward()
        trainer.step(32)
    predicted = net(images[1437:]).argmax(axis=1)
    assert (predicted == labels[1437:]).mean().asscalar() > 0.85
