import json

import numpy as np
import pytest

from gluonlab import models
from gluonlab.losses.blocks import SmoothedCrossEntropy
from gluonlab.models.lower_precision import compute_in_lower_precision
from gluonlab.models.options import ModelOptions
from gluonlab.parallel.environment import has_cpu_feature
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd

needs_avx512 = pytest.mark.skipif(not has_cpu_feature("avx512bw"), reason="bfloat16 needs AVX-512")


def make(name, dtype=None):
    mx.random.seed(0)
    net = models.create(name, options=ModelOptions(zero_last_gamma=True))
    net.initialize()
    net.hybridize(static_alloc=True)
    if dtype:
        compute_in_lower_precision(net, dtype)
    return net


def train(net, images, labels, steps):
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9})
    loss_fn, losses = SmoothedCrossEntropy(), []
    for _ in range(steps):
        with autograd.record():
            loss = loss_fn(net(images), labels)
        loss.backward()
        trainer.step(len(images))
        losses.append(float(loss.mean().asscalar()))
    return losses


def casts(net):
    nodes = json.loads(net._cached_graph[1].tojson(remove_amp_cast=False))["nodes"]
    return [node["attrs"]["dtype"] for node in nodes if node["op"] == "amp_cast"]


@needs_avx512
def test_bfloat16_learns_as_float32_does():
    random = np.random.RandomState(0)
    images, labels = nd.array(random.standard_normal((16, 3, 32, 32))), nd.array(random.randint(0, 10, 16))
    exact, rounded = make("cifar_resnet20"), make("cifar_resnet20", "bfloat16")
    curves = [train(net, images, labels, steps=15) for net in (exact, rounded)]
    assert curves[1] != curves[0]
    assert curves[1] == pytest.approx(curves[0], rel=0.01)
    assert curves[1][-1] < 0.97 * curves[1][0]
    assert "bfloat16" in casts(rounded)
    for name, parameter in rounded._collect_params_with_prefix().items():
        assert np.dtype(parameter.dtype) == np.float32, name
        assert np.isfinite(parameter.data().asnumpy()).all(), name
        assert parameter.grad_req == "null" or parameter.grad().dtype == np.float32, name
    assert rounded(images).dtype == np.float32


@needs_avx512
def test_bfloat16_gradients_point_where_those_of_float32_do():
    random = np.random.RandomState(0)
    images, labels = nd.array(random.standard_normal((32, 3, 32, 32))), nd.array(random.randint(0, 10, 32))
    gradients = []
    for dtype in (None, "bfloat16"):
        net = make("cifar_resnet20", dtype)
        train(net, images, labels, steps=1)
        trained = [p.grad().asnumpy().ravel() for p in net.collect_params().values() if p.grad_req != "null"]
        gradients.append(np.concatenate(trained).astype(float))
    one, other = gradients
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.99


@needs_avx512
@pytest.mark.parametrize("name", ["deit_tiny_patch16_224", "convnext_atto"])
def test_bfloat16_gradients_of_networks_without_batch_normalisation_are_those_of_float32(name):
    random = np.random.RandomState(0)
    images, labels = nd.array(random.standard_normal((4, 3, 32, 32))), nd.array(random.randint(0, 10, 4))
    gradients = []
    for dtype in (None, "bfloat16"):
        mx.random.seed(0)
        net = models.create(name, options=ModelOptions(image_size=32))
        net.initialize()
        net.hybridize(static_alloc=True)
        if dtype:
            compute_in_lower_precision(net, dtype)
        train(net, images, labels, steps=1)
        gradients.append(np.concatenate([p.grad().asnumpy().ravel() for p in net.collect_params().values()]))
    one, other = (gradient.astype(float) for gradient in gradients)
    assert "bfloat16" in casts(net)
    assert one @ other / np.linalg.norm(one) / np.linalg.norm(other) > 0.999


@needs_avx512
def test_slices_put_beside_what_is_in_bfloat16_are_computed_too():
    images = nd.random.normal(shape=(2, 3, 64, 64))
    logits = []
    for dtype in (None, "bfloat16"):
        mx.random.seed(0)
        net = models.create("shufflenet_v2_x0_5", classes=10)
        net.initialize()
        net.hybridize(static_alloc=True)
        if dtype:
            compute_in_lower_precision(net, dtype)
        logits.append(net(images).asnumpy())
    assert "bfloat16" in casts(net)
    assert 0 < np.abs(logits[1] - logits[0]).max() < 0.05 * np.abs(logits[0]).max()


@needs_avx512
def test_the_conversion_survives_hybridize_and_other_batch_sizes():
    net = make("small_resnet8", "bfloat16")
    rounded = net(nd.ones((4, 1, 28, 28)))
    net.hybridize(static_alloc=True)
    assert np.array_equal(net(nd.ones((4, 1, 28, 28))).asnumpy(), rounded.asnumpy())
    assert net(nd.ones((2, 1, 28, 28))).shape == (2, 10)
    assert "bfloat16" in casts(net)


def test_the_first_convolution_of_three_channels_stays_float32():
    net = make("cifar_resnet20", "bfloat16")
    net._get_graph(nd.zeros((1, 3, 32, 32)))
    nodes = json.loads(net._cached_graph[1].tojson(remove_amp_cast=False))["nodes"]
    inputs_of = {node["name"]: [nodes[place]["op"] for place, *_ in node["inputs"]] for node in nodes}
    convolutions = [node["name"] for node in nodes if node["op"] == "Convolution"]
    assert inputs_of[convolutions[0]] == ["null", "null"]
    assert all(inputs_of[name][1] == "amp_cast" for name in convolutions[1:])


def test_float16_puts_its_casts_into_the_graph():
    """The kernels are the GPU's; the graph can be seen anywhere."""
    net = make("cifar_resnet20", "float16")
    net._get_graph(nd.zeros((1, 3, 32, 32)))
    assert "float16" in casts(net)
