"""Files of `HybridBlock.export` and of the Module API: weights by the names of a graph."""

import json

import numpy as np
import pytest

from gluonlab.errors import CheckpointError
from gluonlab.models import create
from gluonlab.models.pretrained import load_weights
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.weights.files import read_weights
from gluonlab.weights.importing import import_weights
from gluonlab.weights.model_folder import FACTS_FILE
from tests.weights.reference_networks import images_for, relative_difference
from tests.weights.test_import import randomised

CLASSES = 10


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    """Gluon's ResNet-18 with random statistics too, and the files of its export."""
    net = randomised(gluon.model_zoo.vision.get_model("resnet18_v1", classes=CLASSES))
    folder = tmp_path_factory.mktemp("zoo")
    net.hybridize()
    net(nd.zeros((1, 3, 64, 64)))
    net.export(str(folder / "exported"), epoch=7)
    return net, folder / "exported-0007.params"


def logits_agree(net, model, weights, **more):
    ours = create(model, classes=CLASSES, pretrained=weights, **more)
    images = nd.array(images_for("resnet18_v1"))
    return relative_difference(ours(images).asnumpy(), net(images).asnumpy()) < 1e-5


@pytest.mark.parametrize("model", ["gluon:resnet18_v1", "resnet18_v1", "resnet18_v1b"])
def test_an_export_is_read_by_the_graph_beside_it(zoo, model):
    net, weights = zoo
    assert not {"features.0.weight", "stem.0.weight"} & read_weights(weights).keys()
    assert logits_agree(net, model, weights)


def test_an_export_without_its_graph_is_read_where_the_names_of_blocks_say_enough(zoo, tmp_path):
    net, weights = zoo
    (tmp_path / "alone.params").write_bytes(weights.read_bytes())
    for model in ("gluon:resnet18_v1", "resnet18_v1"):
        assert logits_agree(net, model, tmp_path / "alone.params")
    with pytest.raises(
        CheckpointError, match=r"has no names that .* put its graph beside it, as alone-symbol"
    ):
        create("resnet18_v1b", classes=CLASSES, pretrained=tmp_path / "alone.params")


def test_biases_that_ours_has_not_are_folded_from_an_export_too(tmp_path):
    net = randomised(gluon.model_zoo.vision.get_model("resnet50_v1", classes=CLASSES))
    net.hybridize()
    net(nd.zeros((1, 3, 64, 64)))
    net.export(str(tmp_path / "net"))
    assert logits_agree(net, "resnet50_v1", tmp_path / "net-0000.params")


def test_a_checkpoint_of_the_module_api_is_read(tmp_path):
    net = create("small_resnet8")
    net.initialize(mx.init.Xavier())
    images = np.random.RandomState(0).standard_normal((2, 1, 28, 28)).astype("float32")
    symbol = mx.sym.SoftmaxOutput(net(mx.sym.var("data")), name="softmax")
    module = mx.mod.Module(symbol)
    module.bind([("data", images.shape)], [("softmax_label", (2,))])
    module.init_params(mx.init.Xavier())
    module.save_checkpoint(str(tmp_path / "module"), 12)
    read = create("small_resnet8", pretrained=tmp_path / "module-0012.params")
    module.forward(mx.io.DataBatch([nd.array(images)]), is_train=False)
    expected = module.get_outputs()[0].asnumpy()
    np.testing.assert_allclose(nd.softmax(read(nd.array(images))).asnumpy(), expected, atol=1e-6)


def test_a_new_head_starts_anew_for_an_export_too(zoo):
    _, weights = zoo
    net = create("resnet18_v1", classes=7)
    net.initialize()
    kept = load_weights(net, weights, model="resnet18_v1", is_new_head=True)
    assert kept.kept == ("output.weight", "output.bias")


def test_the_model_folder_says_by_what_names_the_weights_came(zoo, tmp_path):
    _, weights = zoo
    import_weights(weights, "resnet18_v1", tmp_path / "out", classes=CLASSES)
    assert (
        json.loads((tmp_path / "out" / FACTS_FILE).read_text())["source"]["names"] == "exported-symbol.json"
    )


def test_the_graph_of_another_network_or_a_damaged_one_is_refused(zoo, tmp_path):
    _, weights = zoo
    with pytest.raises(CheckpointError) as error:
        create("resnet34_v1", classes=CLASSES, pretrained=weights)
    assert str(error.value) == (
        f"error[CKP06] {weights}: exported-symbol.json beside it is another network: it has 17 Activation, "
        "the model has 33"
    )
    (tmp_path / "x-0000.params").write_bytes(weights.read_bytes())
    (tmp_path / "x-symbol.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"CKP03.*x-symbol\.json"):
        create("resnet18_v1", classes=CLASSES, pretrained=tmp_path / "x-0000.params")
    with pytest.raises(CheckpointError, match=r"2 tensors do not fit: output.bias has shape \(10,\) instead"):
        create("resnet18_v1", classes=9, pretrained=weights)
