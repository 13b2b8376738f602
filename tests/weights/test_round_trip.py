"""Thirteen architectures: weights in, the logits of their source, weights out, in ONNX too."""

import numpy as np
import onnx
import pytest
import safetensors.numpy

from gluonlab.errors import ConfigError
from gluonlab.inference.engines import make_engine
from gluonlab.models import create
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.weights.exporting import export, torch_state_dict
from gluonlab.weights.files import read_weights
from gluonlab.weights.onnx_export.model import OPSET, onnx_model
from tests.weights.reference_networks import NETWORKS, images_for, reference, relative_difference

ARCHITECTURES = [
    pytest.param(name, marks=pytest.mark.slow) if name == "vgg11_bn" else name for name in NETWORKS
]  # vgg11_bn has 133 million parameters


@pytest.fixture(params=ARCHITECTURES, scope="module")
def imported(request, tmp_path_factory):
    """Name, our net with the weights of the reference, those weights, images, the logits of the reference."""
    tensors, forward = reference(request.param)
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    safetensors.numpy.save_file(dict(tensors), path)
    net = create(request.param, pretrained=path)
    path.unlink()
    images = images_for(request.param)
    return request.param, net, tensors, images, forward(images)


def test_imported_weights_give_the_logits_of_their_source(imported):
    _, net, _, images, expected = imported
    net.hybridize()
    assert relative_difference(net(nd.array(images)).asnumpy(), expected) < 1e-4


def test_exported_weights_are_the_imported_ones_to_the_bit(imported):
    name, net, tensors, _, _ = imported
    exported = torch_state_dict(net, name)
    assert exported.keys() == tensors.keys()
    for key, array in tensors.items():
        np.testing.assert_array_equal(exported[key], array, key)
        assert exported[key].dtype == array.dtype, key


def test_onnx_gives_the_same_logits_for_any_batch(imported):
    _, net, _, images, expected = imported
    engine = make_engine(net, "onnxruntime", images.shape[1:])
    assert relative_difference(engine(images), expected) < 1e-4
    assert relative_difference(engine(images[:1]), expected[:1]) < 1e-4


@pytest.fixture(scope="module")
def small():
    mx.random.seed(0)
    net = create("small_resnet8")
    net.initialize()
    return net


def test_onnx_keeps_weights_as_initializers_under_our_names(small):
    model = onnx_model(small, (1, 28, 28))
    assert [item.name for item in model.graph.input] == ["images"]
    assert [item.name for item in model.graph.output] == ["logits"]
    shape = model.graph.input[0].type.tensor_type.shape.dim
    assert [dim.dim_param or dim.dim_value for dim in shape] == ["batch", 1, 28, 28]
    assert model.opset_import[0].version == OPSET
    names = {item.name for item in model.graph.initializer}
    assert set(small._collect_params_with_prefix()) <= names
    onnx.checker.check_model(model, full_check=True)


def test_an_operator_that_onnx_does_not_know_here_is_named():
    net = gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(gluon.nn.Conv2D(4, 3, in_channels=3), gluon.nn.InstanceNorm(in_channels=4))
    net.initialize()
    with pytest.raises(
        ConfigError, match=r"CFG78.*instancenorm0.*the operator InstanceNorm cannot be exported"
    ):
        onnx_model(net, (3, 8, 8))


def test_slices_concatenations_and_pooling_that_rounds_up(tmp_path):
    mx.random.seed(0)
    for name, size in (
        ("cifar_resnet20", 33),
        ("squeezenet1_0", 65),
        ("resnet18_v2", 65),
        ("resnet50_v1d", 71),
    ):
        net = create(name)
        net.initialize()
        images = np.random.RandomState(0).standard_normal((2, 3, size, size)).astype("float32")
        expected = net(nd.array(images)).asnumpy()
        assert relative_difference(make_engine(net, "onnxruntime", images.shape[1:])(images), expected) < 1e-5


@pytest.mark.filterwarnings("ignore:Cannot decide type")
def test_mxnet_reads_what_is_exported_for_it(small, tmp_path):
    images = nd.array(np.random.RandomState(0).standard_normal((2, 1, 28, 28)))
    graph, weights = export(small, "mxnet", tmp_path / "out", model="small_resnet8", input_shape=(1, 28, 28))
    block = gluon.SymbolBlock.imports(str(graph), ["images"], str(weights))
    np.testing.assert_array_equal(block(images).asnumpy(), small(images).asnumpy())
    read = read_weights(weights)
    for name, parameter in small._collect_params_with_prefix().items():
        np.testing.assert_array_equal(read[name], parameter.data().asnumpy())


def test_a_model_that_no_pytorch_project_has_cannot_be_exported_for_it(small):
    with pytest.raises(ConfigError, match="CFG76"):
        torch_state_dict(small, "small_resnet8")
