"""``install.sh torch``: PyTorch and no MXNet, and networks of MXNet are still of use."""

import json
import os
import subprocess

import cv2
import numpy as np
import pytest

from gluonlab.runtime.mxnet import gluon, mx, nd

SIDE = 64


@pytest.fixture(scope="module")
def environment(root, tmp_path_factory):
    venv = tmp_path_factory.mktemp("torch") / "venv"
    job = subprocess.run(
        [str(root / "scripts/install.sh"), "torch"],
        env={**os.environ, "GLUONLAB_VENV": str(venv)},
        capture_output=True,
        text=True,
    )
    assert job.returncode == 0, job.stderr
    return venv / "bin"


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Files of a network as ``HybridBlock.export`` writes them, a photo, and what MXNet computes for it."""
    folder = tmp_path_factory.mktemp("exported")
    net = gluon.model_zoo.vision.get_model("resnet18_v1", classes=1000)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    photo = np.random.RandomState(0).randint(0, 255, (256, 256, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "photo.png"), photo[..., ::-1])
    pixels = photo[16:240, 16:240] / 255.0
    images = ((pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]).transpose(2, 0, 1)[None]
    logits = net(nd.array(images)).asnumpy()[0].astype(float)
    net.export(str(folder / "resnet18"))
    return folder, np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()


def call(environment, *arguments, code=0):
    job = subprocess.run([environment / "gluonlab", *arguments], capture_output=True, text=True, timeout=300)
    assert job.returncode == code, job.stderr
    return job


@pytest.mark.slow  # downloads PyTorch
def test_a_network_of_mxnet_is_predicted_with_and_exported(environment, exported, tmp_path):
    folder, probabilities = exported
    assert not list(environment.parent.glob("lib/*/site-packages/mxnet"))
    answer = call(
        environment,
        "predict",
        folder / "resnet18-symbol.json",
        folder / "photo.png",
        "--top",
        "1000",
        "--json",
        "-",
    )
    (row,) = json.loads(answer.stdout)
    found = np.zeros(1000)
    for item in row["classes"]:
        found[item["class"]] = item["probability"]
    assert np.allclose(np.log(found), np.log(probabilities), atol=1e-5)
    export = ["models", "export", folder / "resnet18-symbol.json", "-o", tmp_path, "--format", "pytorch"]
    call(environment, *export)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import resnet18; "
        "print(sorted({'mxnet', 'gluonlab'} & set(sys.modules)))"
    )
    job = subprocess.run([environment / "python", "-c", code, tmp_path], capture_output=True, text=True)
    assert job.stdout == "[]\n", job.stderr


@pytest.mark.slow
def test_it_says_what_it_cannot_do(environment, root, tmp_path):
    refused = call(environment, "train", root / "configs/digits.yaml", f"run_dir={tmp_path / 'run'}", code=8)
    assert refused.stderr.startswith("error[ENV02] mxnet: is not installed")
    assert not (tmp_path / "run").exists()
    call(environment, "doctor")
