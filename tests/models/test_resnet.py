"""The ImageNet ResNets against published sizes and closed-form counts."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np
import pytest

from gluonlab.models import ModelOptions, create
from gluonlab.models.inspection import count_parameters, list_layers
from gluonlab.models.layers import SqueezeExcitation, conv
from gluonlab.models.resnet import BasicBlock, Bottleneck, projection_shortcut
from gluonlab.models.resnet_form import ResNetForm
from gluonlab.models.resnet_v2 import PreActivationBasicBlock, PreActivationBottleneck
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd

# He et al. 2015, table 1
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}

# The documentation of torchvision's models
TORCHVISION_PARAMETERS = {18: 11_689_512, 34: 21_797_672, 50: 25_557_032, 101: 44_549_160, 152: 60_192_808}

ZERO = ModelOptions(zero_last_gamma=True)
V1, V1B, V1D = (
    ResNetForm(50, is_stride_on_3x3=False),
    ResNetForm(50),
    ResNetForm(50, has_pooled_shortcut=True),
)
SE = ResNetForm(50, has_squeeze_excitation=True)


def each_block(depth):
    """(channels of the input, width, channels of the output) of each residual block."""
    channels = 64
    for width, blocks in zip((64, 128, 256, 512), BLOCKS[depth]):
        for _ in range(blocks):
            out = width if depth < 50 else 4 * width
            yield channels, width, out
            channels = out


def v1_parameters(depth):
    total = 3 * 64 * 7 * 7 + 2 * 64
    for channels, width, out in each_block(depth):
        if depth < 50:
            total += 9 * channels * width + 9 * width * width + 2 * (width + width)
        else:
            total += channels * width + 9 * width * width + width * out + 2 * (width + width + out)
        total += channels * out + 2 * out if channels != out else 0
    return total + (out + 1) * 1000


def v2_parameters(depth):
    total = 3 * 64 * 7 * 7
    for channels, width, out in each_block(depth):
        if depth < 50:
            total += 9 * channels * width + 9 * width * width + 2 * (channels + width)
        else:
            total += channels * width + 9 * width * width + width * out + 2 * (channels + width + width)
        total += channels * out if channels != out else 0
    return total + 2 * out + (out + 1) * 1000


def random_images(*shape):
    return nd.array(np.random.RandomState(0).normal(size=shape))


@pytest.mark.parametrize("depth", BLOCKS)
def test_parameters_are_those_published(depth):
    assert v1_parameters(depth) == TORCHVISION_PARAMETERS[depth]
    assert count_parameters(create(f"resnet{depth}_v1b")) == TORCHVISION_PARAMETERS[depth]
    assert count_parameters(create(f"resnet{depth}_v1")) == TORCHVISION_PARAMETERS[depth]
    assert count_parameters(create(f"resnet{depth}_v2")) == v2_parameters(depth)


@pytest.mark.parametrize(
    ("name", "size_after_1x1"), [("resnet50_v1", 28), ("resnet50_v1b", 56), ("resnet50_v2", 56)]
)
def test_the_bottleneck_halves_the_image_where_its_version_says(name, size_after_1x1):
    block = create(name).stage2[0]
    shapes = {layer.name: layer.output_shape for layer in list_layers(block, (256, 56, 56))}
    assert shapes["conv1"] == (128, size_after_1x1, size_after_1x1)
    assert shapes["conv2"] == (128, 28, 28)
    assert shapes["conv3"] == (512, 28, 28)


@pytest.mark.parametrize(
    "name",
    [
        "resnet18_v1b",
        "resnet50_v1",
        "resnet50_v1d",
        "resnext50_32x4d",
        "seresnet18",
        "resnet18_v2",
        "resnet50_v2",
    ],
)
def test_hybridized_equals_imperative(name):
    net = create(name, classes=7)
    net.initialize()
    images = random_images(2, 3, 64, 64)
    imperative = net(images).asnumpy()
    net.hybridize()
    assert imperative.shape == (2, 7)
    np.testing.assert_allclose(net(images).asnumpy(), imperative, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "name",
    [
        "resnet18_v1",
        "resnet50_v1b",
        "resnet18_v1d",
        "seresnet50",
        "resnet18_v2",
        "resnet50_v2",
        "cifar_resnet20",
    ],
)
def test_the_symbol_graph_has_no_name_twice(name):
    names = Counter(create(name)(mx.sym.var("data")).get_internals().list_outputs())
    assert [name for name, times in names.items() if times > 1] == []


def test_initial_weights():
    net = create("resnet18_v1b")
    net.initialize()
    convolution = net.stage4[1].conv1.weight.data().asnumpy()
    assert convolution.std() == pytest.approx(sqrt(2 / (3 * 3 * 512)), rel=0.01)
    assert net.output.weight.data().asnumpy().std() == pytest.approx(0.01, rel=0.01)
    assert not net.output.bias.data().asnumpy().any()
    assert (net.stage1[0].bn2.gamma.data().asnumpy() == 1).all()


def test_he_initialisation_counts_the_outputs():
    layer = conv(16, 256, 3)
    layer.initialize()
    assert layer.weight.data().asnumpy().std() == pytest.approx(sqrt(2 / (3 * 3 * 256)), rel=0.02)


def test_a_pooled_shortcut_averages_the_pixels_that_exist():
    shortcut = projection_shortcut(1, 1, 2, V1D, ModelOptions())
    image = nd.array(np.arange(15).reshape(1, 1, 3, 5))
    np.testing.assert_array_equal(shortcut[0](image).asnumpy()[0, 0], [[3, 5, 6.5], [10.5, 12.5, 14]])


def test_squeeze_and_excitation_is_the_formula_of_the_paper():
    block = SqueezeExcitation(8, 2)
    block.initialize()
    images = random_images(2, 8, 3, 5)
    tensors = {name: p.data().asnumpy() for name, p in block._collect_params_with_prefix().items()}
    weights = {name: tensor.reshape(len(tensor), -1) for name, tensor in tensors.items()}
    means = images.asnumpy().mean(axis=(2, 3))
    hidden = np.maximum(means @ weights["fc1.weight"].T + tensors["fc1.bias"], 0)
    gates = 1 / (1 + np.exp(-(hidden @ weights["fc2.weight"].T + tensors["fc2.bias"])))
    np.testing.assert_allclose(
        block(images).asnumpy(), images.asnumpy() * gates[:, :, None, None], rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize(
    ("name", "weight", "shape"),
    [
        ("resnext50_32x4d", "stage1.0.conv2.weight", (128, 4, 3, 3)),
        ("resnext101_32x8d", "stage4.0.conv2.weight", (2048, 64, 3, 3)),
        ("wide_resnet50_2", "stage1.0.conv2.weight", (128, 128, 3, 3)),
        ("resnet50_v1c", "stem.3.weight", (32, 32, 3, 3)),
        ("resnet50_v1d", "stage1.0.shortcut.1.weight", (256, 64, 1, 1)),
        ("seresnet50", "stage2.0.se.fc1.weight", (32, 512, 1, 1)),
    ],
)
def test_the_forms_differ_where_their_papers_say(name, weight, shape):
    assert create(name)._collect_params_with_prefix()[weight].shape == shape


def test_no_convolution_has_a_bias():
    for name in ("resnet50_v1", "resnet50_v2"):
        assert [key for key in create(name)._collect_params_with_prefix() if key.endswith("bias")] == [
            "output.bias"
        ]


@pytest.mark.parametrize(
    "block",
    [
        BasicBlock(16, 32, 2, V1, ZERO),
        BasicBlock(32, 32, 1, V1B, ZERO),
        Bottleneck(32, 64, 2, V1B, ZERO),
        Bottleneck(64, 64, 1, V1, ZERO),
        Bottleneck(32, 64, 2, V1D, ZERO),
        Bottleneck(32, 64, 2, SE, ZERO),
    ],
)
def test_zero_last_gamma_makes_a_block_its_shortcut(block):
    block.initialize()
    channels = block.conv1.weight.shape[1]
    images = random_images(2, channels, 8, 8)
    with autograd.record():
        result = block(images)
        expected = nd.relu(block.shortcut(images))
    np.testing.assert_array_equal(result.asnumpy(), expected.asnumpy())


@pytest.mark.parametrize(
    "block", [PreActivationBasicBlock(32, 32, 1, ZERO), PreActivationBottleneck(32, 32, 1, ZERO)]
)
def test_zero_last_gamma_makes_a_pre_activated_block_the_identity_that_can_learn(block):
    block.initialize()
    images = random_images(2, 32, 8, 8)
    with autograd.record():
        result = block(images)
        loss = (result * result).sum()
    loss.backward()
    np.testing.assert_array_equal(result.asnumpy(), images.asnumpy())
    last = block.conv2 if isinstance(block, PreActivationBasicBlock) else block.conv3
    assert abs(last.weight.grad().asnumpy()).max() > 0


@pytest.mark.parametrize(
    "block", [PreActivationBasicBlock(16, 32, 2, ZERO), PreActivationBottleneck(16, 32, 2, ZERO)]
)
def test_the_projection_of_a_pre_activated_block_reads_the_activated_input(block):
    block.initialize()
    images = random_images(2, 16, 8, 8)
    with autograd.record():
        result = block(images)
        expected = block.shortcut(nd.relu(block.bn1(images)))
    np.testing.assert_array_equal(result.asnumpy(), expected.asnumpy())


@pytest.mark.parametrize("name", ["resnet18_v1b", "resnet50_v1b", "resnet50_v2", "cifar_resnet20"])
def test_zero_last_gamma_reaches_every_block(name):
    net = create(name, options=ZERO)
    net.initialize()
    zeros = [
        key
        for key, parameter in net._collect_params_with_prefix().items()
        if key.endswith(("weight", "gamma")) and not parameter.data().asnumpy().any()
    ]
    blocks = sum(len(stage) for key, stage in net._children.items() if key.startswith("stage"))
    assert len(zeros) == blocks


@pytest.mark.parametrize("name", ["resnet50_v1b", "resnet50_v2", "small_resnet8"])
def test_options_reach_every_layer(name):
    net = create(name, options=ModelOptions(bn_momentum=0.8, bn_epsilon=1e-3, input_channels=4))
    norms = []
    net.apply(lambda layer: norms.append(layer) if isinstance(layer, gluon.nn.BatchNorm) else None)
    assert {(norm._kwargs["momentum"], norm._kwargs["eps"]) for norm in norms} == {(0.8, 1e-3)}
    assert net.stem[0].weight.shape[1] == 4


def test_all_shapes_are_known_before_any_forward_pass():
    parameters = create("resnet50_v2").collect_params().values()
    assert all(0 not in parameter.shape for parameter in parameters)
