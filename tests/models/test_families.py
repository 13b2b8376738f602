"""What every family must do: any size, hybridized as imperative, gradients to every parameter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from gluonlab.models import ModelOptions, create, entry, list_models
from gluonlab.models.mobilenet_v3 import HardSigmoid, HardSwish
from gluonlab.models.rounding import round_to_eight
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd

# One of each family, the smallest; and a size that is neither square nor the one it is meant for.
FAMILIES = {
    "alexnet": (70, 101),
    "alexnet_bn_pool5": (68, 99),
    "vgg11_bn": (33, 50),
    "squeezenet1_0": (65, 42),
    "densenet121": (33, 50),
    "mobilenet_v2": (33, 50),
    "mobilenet_v3_small": (33, 50),
    "resnet50_v1d": (33, 50),
    "resnext50_32x4d": (33, 50),
    "seresnet18": (33, 50),
    "cifar_wrn40_1": (33, 50),
    "regnet_y_400mf": (33, 50),
    "efficientnet_b0": (33, 50),
    "mnasnet0_5": (33, 50),
    "shufflenet_v2_x0_5": (33, 50),
    "ghostnet_050": (33, 50),
    "deit_tiny_patch16_224": (224, 224),
    "convnext_atto": (33, 50),
    "googlenet": (65, 98),
    "mobilenetv4_conv_small": (33, 50),
    "convnextv2_atto": (33, 50),
    "speednet94": (33, 50),
}


def random_images(*shape):
    return nd.array(np.random.RandomState(0).normal(size=shape))


@pytest.mark.parametrize("name", FAMILIES)
def test_hybridized_equals_imperative_and_gradients_reach_every_parameter(name):
    mx.random.seed(3)
    net = create(name, classes=7, options=ModelOptions(dropout=0.0))
    net.initialize()
    images = random_images(2, 3, *FAMILIES[name])
    imperative = logits_and_gradients(net, images)
    net.hybridize(static_alloc=True)
    hybridized = logits_and_gradients(net, images)
    assert hybridized["logits"].shape == (2, 7)
    # A shift that the next norm takes away has a gradient of zero, or what rounding leaves of it.
    rounding = 1e-6 * max(np.linalg.norm(value) for value in imperative.values())
    for key, value in imperative.items():
        assert np.isfinite(value).all(), key
        assert value.any(), f"{key} of {name} has no gradient"
        assert np.linalg.norm(hybridized[key] - value) <= 1e-3 * np.linalg.norm(value) + rounding, key
    at_its_size = net(random_images(1, *entry(name).input_shape)).asnumpy()
    assert at_its_size.shape == (1, 7)
    assert np.isfinite(at_its_size).all()


def logits_and_gradients(net, images):
    with autograd.record():
        logits = net(images)
        loss = (logits**2).mean()
    loss.backward()
    parameters = net._collect_params_with_prefix()
    gradients = {key: p.grad().asnumpy() for key, p in parameters.items() if p.grad_req != "null"}
    return {"logits": logits.asnumpy(), **gradients}


@pytest.mark.parametrize("name", FAMILIES)
def test_the_symbol_graph_has_no_name_twice(name):
    names = Counter(create(name)(mx.sym.var("data")).get_internals().list_outputs())
    assert [name for name, times in names.items() if times > 1] == []


def test_all_shapes_are_known_before_any_forward_pass():
    for model in list_models():
        for key, parameter in create(model.name)._collect_params_with_prefix().items():
            assert 0 not in parameter.shape, f"{model.name}: {key}"


@pytest.mark.parametrize("name", FAMILIES)
def test_options_reach_every_layer(name):
    options = ModelOptions(bn_momentum=0.8, bn_epsilon=0.01, dropout=0.3, input_channels=4)
    norms, dropouts = [], []

    def sort(layer):
        if isinstance(layer, gluon.nn.BatchNorm):
            norms.append((layer._kwargs["momentum"], layer._kwargs["eps"]))
        if isinstance(layer, gluon.nn.Dropout):
            dropouts.append(layer._rate)

    net = create(name, options=options)
    net.apply(sort)
    assert set(norms) <= {(0.8, 0.01)}
    assert set(dropouts) == {0.3}
    first = next(p for p in net.collect_params().values() if len(p.shape) == 4)
    assert first.shape[1] == 4


@pytest.mark.parametrize(
    ("name", "momentum", "epsilon"),
    [
        ("mobilenet_v2", 0.9, 1e-5),
        ("mobilenet_v3_small", 0.99, 1e-3),
        ("alexnet_bn", 0.9, 1e-4),
        ("mnasnet1_0", 0.9997, 1e-5),
        ("efficientnet_b4", 0.9, 1e-5),
        ("efficientnet_b5", 0.99, 1e-3),
        ("efficientnet_v2_s", 0.9, 1e-3),
    ],
)
def test_batch_normalisation_has_the_constants_of_its_family(name, momentum, epsilon):
    norms = set()

    def note(layer):
        if isinstance(layer, gluon.nn.BatchNorm):
            norms.add((layer._kwargs["momentum"], layer._kwargs["eps"]))

    create(name).apply(note)
    assert norms == {(momentum, epsilon)}


def test_hard_functions_are_straight_lines():
    x = np.array([-4.0, -3.0, -1.0, 0.0, 1.5, 3.0, 5.0], "float32")
    np.testing.assert_allclose(HardSigmoid()(nd.array(x)).asnumpy(), np.clip(x + 3, 0, 6) / 6, rtol=1e-6)
    np.testing.assert_allclose(HardSwish()(nd.array(x)).asnumpy(), x * np.clip(x + 3, 0, 6) / 6, rtol=1e-6)


@pytest.mark.parametrize(("channels", "rounded"), [(11.2, 16), (12, 16), (33.6, 32), (44.8, 48), (1.0, 8)])
def test_channels_are_multiples_of_eight_and_lose_at_most_a_tenth(channels, rounded):
    assert round_to_eight(channels) == rounded
    assert rounded >= 0.9 * channels


def test_initial_weights_of_alexnet_are_those_of_its_paper():
    net = create("alexnet")
    net.initialize()
    tensors = {name: p.data().asnumpy() for name, p in net._collect_params_with_prefix().items()}
    for name, tensor in tensors.items():
        if name.endswith("weight"):
            assert tensor.std() == pytest.approx(0.01, rel=0.02), name
    ones = {name for name, tensor in tensors.items() if name.endswith("bias") and (tensor == 1).all()}
    assert ones == {f"features.{n}.bias" for n in (3, 8, 10)} | {f"classifier.{n}.bias" for n in (1, 4)}
    assert not tensors["classifier.6.bias"].any()


def test_parameters_have_the_names_of_torchvision():
    names = set(create("mobilenet_v3_small")._collect_params_with_prefix())
    assert {"features.0.0.weight", "features.4.block.2.fc1.bias", "classifier.3.weight"} <= names
    names = set(create("densenet121")._collect_params_with_prefix())
    assert {"features.denseblock1.denselayer1.norm1.gamma", "features.transition1.conv.weight"} <= names
