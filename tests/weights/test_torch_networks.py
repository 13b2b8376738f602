"""Weights that torchvision and timm wrote themselves: in, the same logits, and out again to the bit.

GLUONLAB_TORCHVISION_PYTHON names a Python that has both; with GLUONLAB_TORCHVISION_RESULT, the figures go to
that file: benchmarks/results/models/torchvision.json is made so.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from gluonlab.inference.engines import make_engine
from gluonlab.models import create
from gluonlab.runtime.mxnet import nd
from gluonlab.weights.exporting import export
from gluonlab.weights.importing import import_weights
from tests.weights.reference_networks import relative_difference

PYTHON = os.environ.get("GLUONLAB_TORCHVISION_PYTHON")
RESULT = os.environ.get("GLUONLAB_TORCHVISION_RESULT")
SCRIPT = Path(__file__).with_name("torch_networks.py")

# Our name, whose network it is, and the name there.
NETWORKS = (
    ("resnet18_v1b", "torchvision", "resnet18"),
    ("resnet50_v1b", "torchvision", "resnet50"),
    ("resnet152_v1b", "torchvision", "resnet152"),
    ("resnext50_32x4d", "torchvision", "resnext50_32x4d"),
    ("resnext101_64x4d", "torchvision", "resnext101_64x4d"),
    ("wide_resnet50_2", "torchvision", "wide_resnet50_2"),
    ("mobilenet_v2", "torchvision", "mobilenet_v2"),
    ("mobilenet_v3_small", "torchvision", "mobilenet_v3_small"),
    ("mobilenet_v3_large", "torchvision", "mobilenet_v3_large"),
    ("densenet121", "torchvision", "densenet121"),
    ("densenet161", "torchvision", "densenet161"),
    ("vgg11", "torchvision", "vgg11"),
    ("vgg16_bn", "torchvision", "vgg16_bn"),
    ("alexnet", "torchvision", "alexnet"),
    ("squeezenet1_0", "torchvision", "squeezenet1_0"),
    ("squeezenet1_1", "torchvision", "squeezenet1_1"),
    ("resnet50_v1c", "timm", "resnet50c"),
    ("resnet50_v1d", "timm", "resnet50d"),
    ("resnext101_32x4d", "timm", "resnext101_32x4d"),
    ("seresnet50", "timm", "seresnet50"),
    ("seresnext50_32x4d", "timm", "seresnext50_32x4d"),
)


def has_torchvision():
    code = "from importlib.util import find_spec; print(all(map(find_spec, ('torchvision', 'timm'))))"
    run = PYTHON and subprocess.run([PYTHON, "-c", code], capture_output=True, text=True)
    return bool(run) and run.stdout == "True\n"


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not has_torchvision(), reason="GLUONLAB_TORCHVISION_PYTHON has no torchvision and timm"
    ),
]


@pytest.fixture(scope="module")
def ask_torch():
    """Asks the script, which keeps running, since importing PyTorch takes longer than the work."""
    with subprocess.Popen([PYTHON, SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as job:

        def ask(*words):
            job.stdin.write(json.dumps(list(map(str, words))) + "\n")
            job.stdin.flush()
            return json.loads(job.stdout.readline())

        yield ask
        job.stdin.close()


@pytest.fixture(scope="module")
def rows():
    """What is found, by our name; written when all are done."""
    found = {}
    yield found
    if RESULT:
        command = "pytest -m slow tests/weights/test_torch_networks.py"
        Path(RESULT).write_text(json.dumps({"command": command, "networks": found}, indent=1) + "\n")


@pytest.mark.parametrize(("ours", "source", "theirs"), NETWORKS)
def test_weights_come_in_and_leave_to_the_bit(ours, source, theirs, ask_torch, rows, tmp_path):
    ask_torch("make", source, theirs, tmp_path)
    report = import_weights(tmp_path / "weights.pth", ours, tmp_path / "model")
    assert report["source"]["names"] in (source, "gluonlab")  # torchvision's names are ours in some networks
    net = create(ours, pretrained=tmp_path / "model")
    images, logits = np.load(tmp_path / "images.npy"), np.load(tmp_path / "logits.npy")
    difference = relative_difference(net(nd.array(images)).asnumpy(), logits)
    in_onnx = make_engine(net, "onnxruntime", images.shape[1:])(images)
    (file,) = export(net, "torch", tmp_path / "out", model=ours, input_shape=images.shape[1:])
    file.rename(tmp_path / "exported.safetensors")
    back = ask_torch("compare", source, theirs, tmp_path)
    rows[ours] = {
        "source": source,
        "name": theirs,
        "relative_difference": float(difference),
        "relative_difference_onnx": float(relative_difference(in_onnx, logits)),
        **back,
    }
    assert difference < 1e-4
    assert rows[ours]["relative_difference_onnx"] < 1e-4
    assert back["differing"] == []
    assert back["tensors"] >= report["tensors"]
    assert back["same_logits_in_pytorch"]
    shutil.rmtree(tmp_path)  # up to 2 GB
