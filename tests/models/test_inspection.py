"""Costs of nets against published and hand-counted ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from gluonlab.build.network import build_network
from gluonlab.config import load_config
from gluonlab.errors import ConfigError
from gluonlab.models import create
from gluonlab.models.inspection import (
    Layer,
    activation_bytes,
    count_multiply_adds,
    count_parameters,
    list_layers,
)
from gluonlab.runtime.mxnet import gluon, mx

IMAGENET = (3, 224, 224)


@pytest.fixture
def tiny():
    """A 3x3 convolution to 4 channels, batch normalisation, ReLU, pooling and 10 classes."""
    net = gluon.nn.HybridSequential()
    net.add(
        gluon.nn.Conv2D(4, 3, padding=1, in_channels=3),
        gluon.nn.BatchNorm(in_channels=4),
        gluon.nn.Activation("relu"),
        gluon.nn.GlobalAvgPool2D(),
        gluon.nn.Dense(10, in_units=4),
    )
    return net


@pytest.mark.parametrize(
    ("name", "giga"), [("resnet18_v1b", 1.81), ("resnet50_v1b", 4.09), ("resnet101_v1b", 7.80)]
)
def test_multiply_adds_are_those_torchvision_publishes(name, giga):
    assert count_multiply_adds(create(name), IMAGENET) == pytest.approx(giga * 1e9, rel=0.005)


def test_multiply_adds_of_the_paper_form_are_fewer():
    assert count_multiply_adds(create("resnet50_v1"), IMAGENET) == pytest.approx(3.86e9, rel=0.005)


def test_tiny_net_by_hand(tiny):
    assert count_parameters(tiny) == (3 * 4 * 9 + 4) + (4 + 4) + (4 * 10 + 10)
    assert count_multiply_adds(tiny, (3, 8, 8)) == 3 * 4 * 9 * 64 + 4 * 10
    assert activation_bytes(tiny, (3, 8, 8), batch_size=5) == 5 * 4 * (3 * 4 * 64 + 4 + 10)


def test_grouped_convolution_and_dense_over_positions():
    grouped = gluon.nn.Conv2D(8, 3, groups=4, in_channels=4, use_bias=False)
    assert count_multiply_adds(grouped, (4, 6, 6)) == (8 * 1 * 9) * 4 * 4
    dense = gluon.nn.Dense(7, in_units=5, flatten=False)
    assert count_multiply_adds(dense, (3, 5)) == 3 * 5 * 7


def test_layers_of_the_tiny_net(tiny):
    layers = list_layers(tiny, (3, 8, 8))
    assert layers[0] == Layer("0", (4, 8, 8), 112)
    assert layers[-1] == Layer("4", (10,), 50)
    assert sum(layer.parameters for layer in layers) == count_parameters(tiny)


def test_stages_of_resnet50_are_those_of_the_paper():
    shapes = {layer.name: layer.output_shape for layer in list_layers(create("resnet50_v1"), IMAGENET)}
    assert shapes == {
        "stem": (64, 56, 56),
        "stage1": (256, 56, 56),
        "stage2": (512, 28, 28),
        "stage3": (1024, 14, 14),
        "stage4": (2048, 7, 7),
        "pool": (2048, 1, 1),
        "output": (1000,),
    }


def test_costs_do_not_depend_on_the_state_of_the_net(tiny):
    before = count_multiply_adds(tiny, (3, 8, 8)), activation_bytes(tiny, (3, 8, 8), 1)
    tiny.initialize()
    tiny.hybridize()
    assert (count_multiply_adds(tiny, (3, 8, 8)), activation_bytes(tiny, (3, 8, 8), 1)) == before
    assert len(list_layers(tiny, (3, 8, 8))) == 5


def test_images_that_are_too_small_leave_no_word_of_mxnet_on_stdout(capsys):
    with pytest.raises(mx.MXNetError):
        count_multiply_adds(create("alexnet"), (3, 8, 8))
    config = load_config(Path("configs/digits.yaml"), ["model.name=alexnet"])
    with pytest.raises(
        ConfigError, match=r"^error\[CFG31\] data.val_image_size: alexnet cannot take images of 8 x 8"
    ):
        build_network(config)
    assert capsys.readouterr().out == ""
