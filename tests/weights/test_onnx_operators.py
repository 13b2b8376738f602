"""Operators of transformers and their like in ONNX: the numbers of MXNet, for any batch."""

import numpy as np
import pytest

from gluonlab.errors import ConfigError
from gluonlab.inference.engines import make_engine
from gluonlab.models.layers import LayerScale, ResponseNorm, SelfAttention, dense, layer_norm
from gluonlab.runtime.mxnet import gluon, nd

FUNCTIONS = {
    "gelu": lambda F, x: F.LeakyReLU(x, act_type="gelu"),
    "softmax of the last axis": lambda F, x: F.softmax(x),
    "softmax of another axis": lambda F, x: F.softmax(x, axis=1),
    "product": lambda F, x: F.batch_dot(x, x, transpose_b=True),
    "product the other way": lambda F, x: F.batch_dot(x, x, transpose_a=True),
    "a part of an axis": lambda F, x: F.slice_axis(x, axis=1, begin=2, end=None),
    "a part from behind": lambda F, x: F.slice_axis(x, axis=2, begin=-3, end=-1),
    "axes exchanged": lambda F, x: F.swapaxes(x, 1, 2),
    "axes in another order": lambda F, x: F.transpose(x, axes=(0, 2, 1)),
    "one axis in two": lambda F, x: F.reshape(x, shape=(0, -4, 2, -1, -2)),
    "two axes in one": lambda F, x: F.reshape(x, shape=(0, -3)),
    "the rest in one": lambda F, x: F.reshape(x, shape=(0, -1)),
    "batch and channels in one and in two": lambda F, x: F.reshape(
        F.reshape(x, shape=(-3, 0)) * 2, shape=(-4, -1, 4, 0)
    ),
    "norm": lambda F, x: F.norm(x, axis=(1, 2), keepdims=True),
    "mean": lambda F, x: F.mean(x, axis=-1),
    "quotient": lambda F, x: F.broadcast_div(x, F.norm(x, axis=2, keepdims=True)),
}
LAYERS = {
    "layer norm": lambda: layer_norm(6),
    "dense": lambda: dense(6, 5),
    "dense without bias": lambda: gluon.nn.Dense(5, flatten=False, use_bias=False, in_units=6),
    "attention": lambda: SelfAttention(6, 2),
}


class Function(gluon.HybridBlock):
    """``function`` of F and an array as a network."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def hybrid_forward(self, F, x):
        return self._function(F, x)


def check(net, shape):
    net.initialize(init="uniform")
    inputs = np.random.RandomState(0).standard_normal((3, *shape)).astype("float32")
    expected = net(nd.array(inputs)).asnumpy()
    engine = make_engine(net, "onnxruntime", shape, check=False)
    for count in (3, 1):
        found = engine(inputs[:count])
        assert found.shape == expected[:count].shape
        np.testing.assert_allclose(found, expected[:count], rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("what", FUNCTIONS)
def test_functions_give_the_numbers_of_mxnet(what):
    check(Function(FUNCTIONS[what]), (4, 6))


@pytest.mark.parametrize("what", LAYERS)
def test_layers_give_the_numbers_of_mxnet(what):
    check(LAYERS[what](), (4, 6))


@pytest.mark.parametrize("layer", [LayerScale(6, 0.5), ResponseNorm(6)])
def test_layers_over_the_channels_of_images_give_the_numbers_of_mxnet(layer):
    check(layer, (2, 3, 6))


@pytest.mark.parametrize(
    "function",
    [
        lambda F, x: F.LeakyReLU(x, act_type="elu"),
        lambda F, x: F.softmax(x, temperature=2.0),
        lambda F, x: F.norm(x, ord=1, axis=1),
        lambda F, x: F.mean(x),
        lambda F, x: F.reshape(x, shape=(0, -1), reverse=True),
        lambda F, x: F.reshape(x, shape=(-4, 1, -1, -2)),
    ],
)
def test_what_onnx_would_compute_otherwise_is_refused(function):
    with pytest.raises(ConfigError, match="CFG78"):
        make_engine(Function(function), "onnxruntime", (4, 6))
