"""MXNet's pooling and fixed gammas in ONNX: the same numbers, by what old and new runtimes read alike."""

from itertools import product

import numpy as np
import onnx.helper
import onnx.numpy_helper
import pytest

from gluonlab.inference.engines import make_engine
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.weights.onnx_export.model import onnx_model

SIZES = ((6, 7), (7, 8), (8, 6))


def network(*layers):
    net = gluon.nn.HybridSequential()
    net.add(*layers)
    net.initialize()
    return net


def difference(net, images):
    found = make_engine(net, "onnxruntime", images.shape[1:], check=False)(images)
    expected = net(nd.array(images)).asnumpy()
    assert found.shape == expected.shape
    return np.abs(found - expected).max()


def random_images(size, channels=3):
    return np.random.RandomState(0).standard_normal((2, channels, *size)).astype("float32") - 1


@pytest.mark.parametrize(("kernel", "stride", "pad"), list(product((2, 3), (1, 2, 3), (0, 1))))
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_windows_of_all_kinds_give_the_numbers_of_mxnet(kernel, stride, pad, ceil_mode):
    layers = [gluon.nn.MaxPool2D(kernel, stride, pad, ceil_mode=ceil_mode)]
    for counted in (False, True):
        layers.append(gluon.nn.AvgPool2D(kernel, stride, pad, ceil_mode=ceil_mode, count_include_pad=counted))
    for layer, size in product(layers, SIZES):
        net = network(layer, gluon.nn.Flatten())
        assert difference(net, random_images(size)) < 1e-5
        nodes = onnx_model(net, (3, *size)).graph.node
        attributes = {a.name: onnx.helper.get_attribute_value(a) for n in nodes for a in n.attribute}
        assert "ceil_mode" not in attributes, "runtimes read it differently"


def test_the_mean_of_ones_under_a_window_that_hangs_over_is_one():
    net = network(gluon.nn.AvgPool2D(3, 2, ceil_mode=True), gluon.nn.Flatten())
    found = make_engine(net, "onnxruntime", (1, 6, 6))(np.ones((1, 1, 6, 6), "float32"))
    np.testing.assert_allclose(found, np.ones((1, 9)), rtol=1e-6)


def test_a_fixed_gamma_is_exported_as_ones_whatever_is_stored():
    norm = gluon.nn.BatchNorm(scale=False, in_channels=3)
    net = network(norm, gluon.nn.Flatten())
    norm.gamma.set_data(nd.array([2, 3, 4]))
    norm.running_mean.set_data(nd.array([0.1, 0.2, 0.3]))
    stored = {item.name: item for item in onnx_model(net, (3, 2, 2)).graph.initializer}
    np.testing.assert_array_equal(onnx.numpy_helper.to_array(stored["0.gamma"]), np.ones(3))
    np.testing.assert_array_equal(norm.gamma.data().asnumpy(), [2, 3, 4])
    assert difference(net, random_images((2, 2))) < 1e-6
