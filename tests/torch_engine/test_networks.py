"""Whole networks: one training pass in float64 gives the gradients and statistics of MXNet."""

import gc

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gluonlab.errors import CheckpointError, ConfigError  # noqa: E402
from gluonlab.models import create, list_models  # noqa: E402
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd  # noqa: E402
from gluonlab.torch_engine.network import TorchNetwork  # noqa: E402
from gluonlab.weights.gluon_graph import INPUT, graph_of, values_of  # noqa: E402
from tests.models.smallest_images import smallest_shape  # noqa: E402

TOLERANCE = 1e-6  # MXNet keeps momentum, and hard_sigmoid's alpha, as float32
SAMPLE = {
    *("cifar_resnet8", "small_resnet8", "resnet18_v1b", "seresnet18", "gluon:resnet18_v2", "squeezenet1_1"),
    *("mobilenet_v2", "mobilenet_v3_small", "densenet121"),
    *(
        "shufflenet_v2_x0_5",
        "vit_tiny_patch16_224",
        "convnextv2_atto",
    ),
}
EXPECTED_STATISTICS = 1e-6


@pytest.fixture(autouse=True)
def _one_network_at_a_time():
    """Gigabytes of arrays hang on a few objects in circles, which Python is in no hurry to collect."""
    yield
    gc.collect()


def without_dropout(net):
    net.apply(lambda block: setattr(block, "_rate", 0.0) if isinstance(block, gluon.nn.Dropout) else None)
    return net


def relative(found, expected):
    """Relative L2 distance; what should be zero is measured against 1."""
    scale = float(np.linalg.norm(expected))
    return float(np.linalg.norm(found - expected)) / (scale if scale > 1e-8 else 1.0)


def parity(net, shape, seed=0):
    """The largest relative distances of outputs, gradients and statistics after one pass of both engines."""
    draw = np.random.RandomState(seed)
    images = draw.standard_normal(shape)
    names = net._collect_params_with_prefix()
    trained = [name for name, parameter in names.items() if parameter.grad_req != "null"]
    other = TorchNetwork(graph_of(net), values_of(net), inputs=[INPUT], trained=trained, dtype=torch.float64)
    other.check({INPUT: images.shape})
    before = values_of(net)
    with autograd.record():
        outputs = net(nd.array(images, dtype="float64"))
    head = draw.standard_normal(outputs.shape)
    outputs.backward(nd.array(head, dtype="float64"))
    found = other.train([images], [head])
    other.advance(found.statistics)
    # MXNet advances statistics in backward, which may not reach a norm that trains nothing and stands first
    reached = [n for n in found.statistics if np.any(names[n].data().asnumpy() != before[n])]
    gradients = [relative(found.gradients[n].numpy(), names[n].grad().asnumpy()) for n in trained]
    statistics = [relative(other.values[n].numpy(), names[n].data().asnumpy()) for n in reached]
    return relative(found.outputs[0].numpy(), outputs.asnumpy()), max(gradients), max(statistics, default=0.0)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(model, id=model.name, marks=[] if model.name in SAMPLE else pytest.mark.slow)
        for model in list_models()
    ],
)
def test_a_training_pass_in_float64_is_that_of_mxnet(model):
    mx.random.seed(3)
    net = without_dropout(create(model.name, classes=7))
    net.initialize(mx.init.Xavier())
    shape = smallest_shape(model, net, batch=4, at_least=64)
    net.cast("float64")
    net(nd.zeros(shape, dtype="float64"))
    assert max(parity(net, shape)) < TOLERANCE


def test_norm_joined_with_relu_is_the_norm_and_then_the_relu():
    x = mx.sym.var(INPUT)
    names = ("gamma", "beta", "mean", "var")
    joined = mx.sym.contrib.BatchNormWithReLU(x, *map(mx.sym.var, names), fix_gamma=False)
    separate = mx.sym.Activation(
        mx.sym.BatchNorm(x, *map(mx.sym.var, names), fix_gamma=False), act_type="relu"
    )
    draw = np.random.RandomState(0)
    values = {name: np.abs(draw.standard_normal(3)) for name in names}
    from gluonlab.weights.symbol_graph import parse_symbol

    first, second = (
        TorchNetwork(
            parse_symbol(one.tojson(), ""), values, inputs=[INPUT], trained=["gamma"], dtype=torch.float64
        )
        for one in (joined, separate)
    )
    images, head = draw.standard_normal((4, 3, 5, 5)), draw.standard_normal((4, 3, 5, 5))
    for one, other in zip(first.predict(images), second.predict(images)):
        np.testing.assert_array_equal(one, other)
    assert torch.equal(
        first.train([images], [head]).gradients["gamma"], second.train([images], [head]).gradients["gamma"]
    )


class Recurrent(gluon.HybridBlock):
    """Two fused layers, and what comes out of them at the last step."""

    def __init__(self, layer):
        super().__init__()
        self.layer, self.head = layer, gluon.nn.Dense(3, in_units=2 * 4)

    def hybrid_forward(self, F, x):
        return self.head(F.squeeze(F.slice_axis(self.layer(x), axis=0, begin=-1, end=None), axis=0))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: gluon.rnn.LSTM(4, 2, bidirectional=True, input_size=5),
        lambda: gluon.rnn.GRU(8, 2, input_size=5),
        lambda: gluon.rnn.RNN(8, 1, input_size=5, activation="tanh"),
    ],
    ids=["lstm", "gru", "rnn"],
)
def test_fused_recurrent_layers(layer):
    net = Recurrent(layer())
    net.initialize(mx.init.Uniform(0.5))
    graph, values = graph_of(net), values_of(net)
    sequence = np.random.RandomState(1).standard_normal((6, 2, 5)).astype("float32")
    expected = net(nd.array(sequence)).asnumpy()
    found = TorchNetwork(graph, values, inputs=[INPUT]).predict(sequence)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", [gluon.rnn.LSTMCell, gluon.rnn.GRUCell, gluon.rnn.RNNCell])
def test_unrolled_cells(cell):
    class Unrolled(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.cell = cell(4, input_size=5)

        def hybrid_forward(self, F, x):
            steps = F.SliceChannel(x, num_outputs=3, axis=0, squeeze_axis=True)
            states = [
                F.zeros_like(F.slice_axis(steps[0], axis=1, begin=0, end=4)) for _ in self.cell.state_info()
            ]
            for step in steps:
                output, states = self.cell(step, states)
            return output

    net = Unrolled()
    net.initialize(mx.init.Uniform(0.5))
    net.cast("float64")
    assert max(parity(net, (3, 2, 5))) < TOLERANCE


class Attention(gluon.HybridBlock):
    """Attention with an embedding of positions, a layer norm and a GELU, as in a transformer."""

    def __init__(self, width=8, heads=2):
        super().__init__()
        self._heads = heads
        self.places = gluon.nn.Embedding(6, width)
        self.norm = gluon.nn.LayerNorm(in_channels=width)
        self.project = gluon.nn.Dense(3 * width, flatten=False, in_units=width)
        self.grow = gluon.nn.Dense(2 * width, flatten=False, in_units=width)
        self.act, self.shrink = gluon.nn.GELU(), gluon.nn.Dense(3, flatten=False, in_units=2 * width)

    def hybrid_forward(self, F, x):
        x = F.broadcast_add(x, self.places(F.contrib.arange_like(x, axis=1)))
        parts = F.split(self.project(self.norm(x)), num_outputs=3, axis=2)
        query, key, value = (
            F.reshape(F.transpose(F.reshape(p, (0, 0, -4, self._heads, -1)), (0, 2, 1, 3)), (-3, -2))
            for p in parts
        )
        weights = F.softmax(F.contrib.div_sqrt_dim(F.batch_dot(query, key, transpose_b=True)))
        mixed = F.reshape(F.batch_dot(weights, value), (-4, -1, self._heads, -2))
        mixed = F.reshape(F.transpose(mixed, (0, 2, 1, 3)), (0, 0, -3))
        return self.shrink(self.act(self.grow(x + mixed)))


def test_attention_of_a_user():
    net = Attention()
    net.initialize(mx.init.Uniform(0.5))
    net.cast("float64")
    assert max(parity(net, (2, 6, 8))) < TOLERANCE


def test_a_loss_is_traced_with_its_network():
    class WithLoss(gluon.HybridBlock):
        def __init__(self):
            super().__init__()
            self.net = gluon.nn.Dense(4, in_units=5)
            self.loss = gluon.loss.SoftmaxCrossEntropyLoss(sparse_label=True)

        def hybrid_forward(self, F, x):
            return self.loss(self.net(x), F.argmax(x, axis=1) * 0.75)

    net = WithLoss()
    net.initialize(mx.init.Uniform(0.5))
    net.cast("float64")
    assert max(parity(net, (6, 5))) < TOLERANCE


def test_dropout_keeps_the_mean_and_drops_whole_channels():
    graph_net = gluon.nn.HybridSequential()
    graph_net.add(gluon.nn.Dropout(0.25, axes=(2, 3)))
    network = TorchNetwork(graph_of(graph_net), {}, inputs=[INPUT])
    torch.manual_seed(0)
    (dropped,), _ = network._call(network.program.module(training=True), [np.ones((500, 8, 3, 3), "float32")])
    assert sorted(dropped.unique().tolist()) == pytest.approx([0.0, 4 / 3])
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.02)
    assert (dropped.amax((2, 3)) == dropped.amin((2, 3))).all()
    np.testing.assert_array_equal(network.predict(np.ones((2, 8, 3, 3), "float32"))[0], 1.0)


def test_what_has_no_twin_is_refused_with_operator_and_layer():
    x = mx.sym.var(INPUT)
    from gluonlab.weights.symbol_graph import parse_symbol

    def refused(symbol):
        with pytest.raises(ConfigError) as caught:
            TorchNetwork(parse_symbol(symbol.tojson(), ""), {}, inputs=[INPUT])
        return str(caught.value)

    assert refused(mx.sym.contrib.fft(x, name="spectrum")).startswith(
        "error[CFG81] spectrum: operator _contrib_fft is not known"
    )
    assert "Pooling with layout=NHWC is not known" in refused(
        mx.sym.Pooling(x, kernel=(2, 2), layout="NHWC", name="pool")
    )


def test_a_layer_that_pytorch_cannot_compute_is_named_before_anything_runs():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.MaxPool2D(pool_size=1, strides=3, ceil_mode=True, prefix="behind_"))
    with pytest.raises(
        ConfigError, match="Pooling behind_fwd: cannot be computed by PyTorch: a last pooling window"
    ):
        TorchNetwork(graph_of(net), {}, inputs=[INPUT]).check({INPUT: (1, 1, 5, 5)})


def test_a_network_that_does_not_trace_is_refused():
    class Branching(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return x if x.sum().asscalar() > 0 else -x

    with pytest.raises(ConfigError, match=r"error\[CFG81\] Branching: cannot be traced"):
        graph_of(Branching())


def test_a_value_that_is_missing_is_named():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(2, in_units=3))
    with pytest.raises(
        CheckpointError, match=r"error\[CKP06\] graph: 2 variables have no value: 0.weight, 0.bias"
    ):
        TorchNetwork(graph_of(net), {}, inputs=[INPUT])
