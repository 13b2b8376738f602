"""Networks that are opened without MXNet: its own files, model folders, runs."""

import numpy as np
import pytest

from gluonlab.build.portable_model import open_portable
from gluonlab.errors import CheckpointError
from gluonlab.models import create
from gluonlab.models.class_names import imagenet_classes
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.weights.gluon_graph import values_of
from gluonlab.weights.importing import import_weights


@pytest.fixture
def net():
    net = create("gluon:squeezenet1.1")
    net.initialize(mx.init.Xavier())
    return net


def logits(model, images):
    pytest.importorskip("torch")
    from gluonlab.torch_engine.prediction import in_torch

    return in_torch(model.graph, model.values, model.input_name, images.shape[1:])(images)


def images(size=64):
    return np.random.RandomState(0).standard_normal((2, 3, size, size)).astype("float32")


def test_the_newest_files_of_an_export(net, tmp_path):
    net.hybridize()
    net(nd.array(images(224)))
    net.export(str(tmp_path / "photos"), epoch=3)
    net.collect_params().setattr("lr_mult", 1.0)
    for parameter in net.collect_params().values():
        parameter.set_data(parameter.data() * 1.5)
    net.export(str(tmp_path / "photos"), epoch=12)
    model = open_portable(tmp_path)
    assert (model.name, model.channels, model.input_name, model.input_shape) == (
        "photos",
        3,
        "data",
        (3, 224, 224),
    )
    assert model.class_names == imagenet_classes()
    np.testing.assert_allclose(
        logits(model, images(224)), net(nd.array(images(224))).asnumpy(), rtol=1e-4, atol=1e-4
    )
    assert open_portable(tmp_path / "photos-symbol.json").values.keys() == model.values.keys()


def test_files_of_the_module_api_give_probabilities(tmp_path):
    data = mx.sym.Flatten(mx.sym.Convolution(mx.sym.var("data"), kernel=(3, 3), num_filter=4, name="conv"))
    symbol = mx.sym.SoftmaxOutput(mx.sym.FullyConnected(data, num_hidden=3, name="fc"), name="softmax")
    draw = np.random.RandomState(2)
    shapes = {"conv_weight": (4, 1, 3, 3), "conv_bias": (4,), "fc_weight": (3, 144), "fc_bias": (3,)}
    values = {name: nd.array(draw.standard_normal(shape)) for name, shape in shapes.items()}
    mx.model.save_checkpoint(str(tmp_path / "old"), 1, symbol, values, {})
    model = open_portable(tmp_path)
    assert (model.channels, model.input_name, model.class_names) == (1, "data", ())
    batch = draw.standard_normal((5, 1, 8, 8)).astype("float32")
    expected = symbol.eval(ctx=mx.cpu(), data=nd.array(batch), softmax_label=nd.zeros(5), **values)[
        0
    ].asnumpy()
    np.testing.assert_allclose(logits(model, batch), expected, rtol=1e-4, atol=1e-6)


def test_a_model_folder_brings_its_graph(tmp_path):
    net = create("small_resnet8", classes=4)
    net.initialize(mx.init.Xavier())
    net.save_parameters(str(tmp_path / "w.params"))
    import_weights(
        tmp_path / "w.params", "small_resnet8", tmp_path / "folder", classes=4, class_names=list("abcd")
    )
    model = open_portable(tmp_path / "folder")
    assert (model.name, model.class_names) == ("small_resnet8", ("a", "b", "c", "d"))
    assert model.values.keys() == values_of(net).keys()
    folder = tmp_path / "folder"
    (folder / "network-symbol.json").unlink()
    made = open_portable(folder).graph  # by MXNet, with other names of layers
    assert [node.operator for node in made.nodes] == [node.operator for node in model.graph.nodes]
    assert made.variables == model.graph.variables


def test_what_cannot_be_opened_is_refused(net, tmp_path):
    def refused(target):
        with pytest.raises(CheckpointError) as caught:
            open_portable(target)
        return str(caught.value)

    assert refused(tmp_path).startswith("error[CKP02]")
    net.hybridize()
    net(nd.array(images(224)))
    net.export(str(tmp_path / "one"))
    (tmp_path / "one-0000.params").rename(tmp_path / "other-0000.params")
    assert "error[CKP02]" in refused(tmp_path)
    assert "no one-0000.params beside it" in refused(tmp_path)
    (tmp_path / "other-0000.params").rename(tmp_path / "one-0000.params")
    (tmp_path / "two-symbol.json").write_text("{}")
    assert "holds several networks: one-symbol.json, two-symbol.json; name one of them" in refused(tmp_path)
    two = gluon.nn.HybridSequential()
    two.add(gluon.nn.Dense(3, in_units=2))
    two.initialize()
    two.save_parameters(str(tmp_path / "one-0000.params"))
    assert "variables have no values: data, " in refused(tmp_path / "one-symbol.json")
