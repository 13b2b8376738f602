"""Every network against its twin in torchvision or timm: tensors, logits, and the way back to the bit.

peer_logits.json was made by the twins themselves (make_peer_logits.py).
"""

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.inference.engines import make_engine
from gluonlab.models import create
from gluonlab.models.pretrained import load_weights
from gluonlab.runtime.mxnet import nd
from gluonlab.weights.exporting import state_dict_by
from gluonlab.weights.naming import UPDATE_COUNTER, naming_of
from gluonlab.weights.tables import NAMINGS
from tests.weights.drawn_weights import digest, draw, draw_images, excerpt

ROWS = json.loads(Path(__file__).with_name("peer_logits.json").read_text())
SAMPLE = {
    "torchvision regnet_y_400mf",
    "torchvision efficientnet_b0",
    "torchvision mnasnet0_5",
    "torchvision shufflenet_v2_x0_5",
    "timm vit_tiny_patch16_224",
    "timm deit_tiny_distilled_patch16_224",
    "timm convnext_atto",
    "torchvision googlenet",
    "timm mobilenetv4_conv_small",
    "timm efficientnet_lite0",
    "timm ghostnet_050",
    "timm convnextv2_atto",
}


def shapes_by(naming, net):
    """Of the tensors that ``net`` has in PyTorch, by their names there."""
    shapes = {}
    for name, parameter in net._collect_params_with_prefix().items():
        theirs = naming.their_name(name)
        shapes[theirs] = naming.their_shape(name, parameter.shape)
        if name.endswith("running_var"):
            shapes[theirs.replace("running_var", UPDATE_COUNTER)] = ()
    return shapes


def difference(logits, row):
    """Of the logits that are known, relative to the largest of all."""
    values, scale = excerpt(logits)
    assert scale == pytest.approx(row["scale"], rel=1e-4)
    return np.abs(values - row["logits"]).max() / row["scale"]


@pytest.mark.parametrize("key", ROWS)
def test_names_and_shapes_are_those_of_the_twin(key):
    (source, ours), row = key.split(), ROWS[key]
    assert digest(shapes_by(naming_of(ours, source, NAMINGS), create(ours))) == row["tensors"]


@pytest.mark.parametrize(
    "key", [pytest.param(key, marks=[] if key in SAMPLE else pytest.mark.slow) for key in ROWS]
)
def test_logits_are_those_of_the_twin_and_tensors_leave_to_the_bit(key, tmp_path):
    (source, ours), row = key.split(), ROWS[key]
    naming = naming_of(ours, source, NAMINGS)
    net = create(ours)
    for parameter in net.collect_params().values():
        parameter.initialize(init="zeros")
    drawn = {name: draw(name, shape) for name, shape in shapes_by(naming, net).items()}
    safetensors.numpy.save_file(drawn, tmp_path / "weights.safetensors")
    load_weights(net, tmp_path / "weights.safetensors", model=ours)
    (tmp_path / "weights.safetensors").unlink()
    back = state_dict_by(naming, net)
    assert [name for name in drawn if not np.array_equal(back[name], drawn[name])] == []
    images = draw_images(row["size"])
    in_onnx = make_engine(net, "onnxruntime", images.shape[1:])(images)
    net.hybridize(static_alloc=True)
    assert difference(net(nd.array(images)).asnumpy(), row) < 1e-5
    assert difference(in_onnx, row) < 1e-5
