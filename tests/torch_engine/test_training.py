"""A network trained by PyTorch on its own tensors: the pass of MXNet."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gluonlab import arrays  # noqa: E402
from gluonlab.errors import ConfigError  # noqa: E402
from gluonlab.losses.blocks import SmoothedCrossEntropy  # noqa: E402
from gluonlab.models import create  # noqa: E402
from gluonlab.optim.loss_scaling import LossScaler  # noqa: E402
from gluonlab.optim.momentum import SGD  # noqa: E402
from gluonlab.runtime.mxnet import gluon, mx  # noqa: E402
from gluonlab.task import Classification  # noqa: E402
from gluonlab.torch_engine.training import TorchGluonNetwork  # noqa: E402
from gluonlab.training.network import GluonNetwork  # noqa: E402
from gluonlab.training.state import make_trainer  # noqa: E402

BATCH = 16
TASK = Classification(SmoothedCrossEntropy())


def twins(make):
    """One network, computed by MXNet, and by PyTorch from a copy of its values on."""
    net = make()
    net.initialize(mx.init.Xavier())
    return GluonNetwork(net), TorchGluonNetwork(net)


def batch(shape=(3, 32, 32), classes=10, seed=0, where=None):
    draw = np.random.RandomState(seed)
    images = draw.standard_normal((BATCH, *shape)).astype("float32")
    where = where or torch.device("cpu")
    make = arrays.of(where).from_numpy
    return make(images, where), make(draw.randint(0, classes, BATCH), where)


def on_both(of_mxnet, of_torch, *shape_and_classes):
    """Each network with the same batch, in its own arrays."""
    return (
        (of_mxnet, batch(*shape_and_classes, where=mx.cpu())),
        (of_torch, batch(*shape_and_classes)),
    )


def numbers(array):
    return arrays.of(array).to_numpy(array)


def distance(found, expected):
    """Relative L2 distance of two arrays of any library; from zero it is absolute."""
    found, expected = numbers(found).ravel(), numbers(expected).ravel()
    return np.linalg.norm(found - expected) / (np.linalg.norm(expected) or 1.0)


def values(network):
    return network.parameters


@pytest.mark.parametrize("name", ["cifar_resnet20", "gluon:resnet18_v2", "seresnet18"])
def test_a_pass_leaves_what_mxnet_leaves(name):
    of_mxnet, of_torch = twins(lambda: create(name, classes=10))
    task, shape = Classification(SmoothedCrossEntropy(0.1)), (3, 32, 32) if "cifar" in name else (3, 64, 64)
    expected, found = (network.train(data, task) for network, data in on_both(of_mxnet, of_torch, shape))
    assert distance(found[0], expected[0]) < 1e-5
    assert distance(found[1], expected[1]) < 1e-5
    for key, parameter in values(of_mxnet).items():
        other = values(of_torch)[key]
        if parameter.grad_req != "null":
            assert distance(other.grad(), parameter.grad()) < 5e-2, key  # a ReLU near 0 may go the other way
        assert distance(other.data(), parameter.data()) < 1e-5, key


def make_dense():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(8, in_units=5, activation="tanh"), gluon.nn.Dense(3, in_units=8))
    return net


def test_gradients_of_a_smooth_network_are_those_of_mxnet_to_rounding():
    of_mxnet, of_torch = twins(make_dense)
    scaler = LossScaler(scale=1024.0)
    for network, data in on_both(of_mxnet, of_torch, (5,), 3):
        network.train(data, TASK, scaler.head_gradient)
    for key, parameter in values(of_mxnet).items():
        assert distance(values(of_torch)[key].grad(), parameter.grad()) < 1e-5, key


def test_updates_reach_what_the_next_pass_computes():
    of_mxnet, of_torch = twins(make_dense)
    losses, both = {}, on_both(of_mxnet, of_torch, (5,), 3)
    for network, data in both:
        trainer = make_trainer(network, SGD(0.5, 0.0, 0.0))
        losses[network] = []
        for _ in range(5):
            losses[network].append(float(numbers(network.train(data, TASK)[0]).mean()))
            trainer.step(BATCH)
    assert losses[of_torch] == pytest.approx(losses[of_mxnet], rel=1e-5)
    assert losses[of_torch][-1] < 0.9 * losses[of_torch][0]
    (_, (of_mx, _)), (_, (of_to, _)) = both
    assert distance(of_torch.predict(of_to), of_mxnet.predict(of_mx)) < 1e-5


def test_a_users_dropped_gradients_and_multipliers_come_along():
    net = make_dense()
    net.initialize()
    net[0].bias.grad_req = "null"
    net[1].weight.lr_mult, net[1].weight.wd_mult = 0.5, 0.25
    parameters = TorchGluonNetwork(net).parameters
    assert [name for name, one in parameters.items() if one.grad_req == "null"] == ["0.bias"]
    assert (parameters["1.weight"].lr_mult, parameters["1.weight"].wd_mult) == (0.5, 0.25)


class WithALayerThatNothingReads(gluon.HybridBlock):
    def __init__(self):
        super().__init__()
        self.used = gluon.nn.Dense(3, in_units=5)
        self.left = gluon.nn.Dense(3, in_units=5)

    def hybrid_forward(self, F, x):
        return self.used(x)


def test_what_had_no_part_in_the_loss_gets_a_gradient_of_0():
    network = twins(WithALayerThatNothingReads)[1]
    network.parameters["left.weight"].grad()[:] = 7
    network.train(batch((5,), 3), TASK)
    assert not numbers(network.parameters["left.weight"].grad()).any()
    assert numbers(network.parameters["used.weight"].grad()).any()


def make_dropping():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(64, in_units=5), gluon.nn.Dropout(0.5), gluon.nn.Dense(3, in_units=64))
    return net


def test_dropout_is_a_function_of_the_seed_and_off_in_prediction():
    network, data = twins(make_dropping)[1], batch((5,), 3)

    def logits(seed):
        network.seed(seed)
        return numbers(network.train(data, TASK)[1])

    assert np.array_equal(logits(3), logits(3))
    assert not np.array_equal(logits(3), logits(4))
    assert np.array_equal(*(numbers(network.predict(data[0])) for _ in range(2)))


def test_statistics_alone_advance_as_in_a_training_pass():
    of_mxnet, of_torch = twins(lambda: create("cifar_resnet20", classes=10))
    for network, (images, _) in on_both(of_mxnet, of_torch):
        network.advance_statistics(images)
    for key, parameter in values(of_mxnet).items():
        if key.endswith(("running_mean", "running_var")):
            assert distance(values(of_torch)[key].data(), parameter.data()) < 1e-5, key


def test_bfloat16_computes_in_it_and_keeps_weights_in_float32():
    of_mxnet, _ = twins(make_dense)
    lower = TorchGluonNetwork(of_mxnet.net, precision="bfloat16")
    images, labels = batch((5,), 3)
    exact = TorchGluonNetwork(of_mxnet.net).predict(images)
    _, logits = lower.train((images, labels), TASK)
    assert 1e-4 < distance(logits, exact) < 2e-2
    assert lower.parameters["0.weight"].grad().dtype == torch.float32


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # PyTorch's compiler imports it
def test_a_compiled_network_leaves_the_same():
    of_mxnet, of_torch = twins(make_dense)
    compiled = TorchGluonNetwork(of_mxnet.net, is_compiled=True)
    data, task = batch((5,), 3), Classification(SmoothedCrossEntropy(0.1))
    for found, expected in zip(compiled.train(data, task), of_torch.train(data, task)):
        assert distance(found, expected) < 1e-5
    for key, parameter in values(of_torch).items():
        assert distance(values(compiled)[key].grad(), parameter.grad()) < 1e-4, key
    assert distance(compiled.predict(data[0]), of_torch.predict(data[0])) < 1e-5


class Branching(gluon.HybridBlock):
    def hybrid_forward(self, F, x):
        return x if float(x.sum().asscalar()) > 0 else -x


class Unknown(gluon.HybridBlock):
    def hybrid_forward(self, F, x):
        return F.contrib.fft(x)


@pytest.mark.parametrize(
    ("net", "words"), [(Branching(), "Branching: cannot be traced"), (Unknown(), "operator _contrib_fft")]
)
def test_a_network_that_is_no_graph_of_known_operators_is_refused(net, words):
    with pytest.raises(ConfigError, match=rf"CFG81\].*{words}"):
        TorchGluonNetwork(net)


def test_images_that_a_layer_cannot_take_are_refused_with_its_name():
    network = twins(make_dense)[1]
    with pytest.raises(ConfigError, match=r"CFG81\] FullyConnected .*dense.*"):
        network.check((6,))


def test_a_loss_that_cannot_be_traced_is_refused():
    network = twins(make_dense)[1]
    with pytest.raises(ConfigError, match=r"CFG81\] loss: cannot be traced"):
        network.train(batch((5,), 3), Classification(lambda logits, labels: logits.asnumpy()))
