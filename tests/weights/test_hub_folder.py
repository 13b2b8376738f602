"""A folder as timm puts it on the hub: network, classes and preprocessing come along, or a line says why not.

GLUONLAB_TORCHVISION_PYTHON names a Python that has timm and huggingface_hub, for the slow test.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.build.opened_model import open_model
from gluonlab.errors import CheckpointError
from gluonlab.inference.images import ImageFiles, read_batch
from gluonlab.models.entry import Preprocessing
from gluonlab.runtime.mxnet import nd
from gluonlab.weights.hub_folder import read_hub_folder
from gluonlab.weights.importing import import_hub_folder
from tests.weights.reference_networks import images_for, reference, relative_difference
from tests.weights.torch_writer import torch_zip

PYTHON = os.environ.get("GLUONLAB_TORCHVISION_PYTHON")
CLASSES = 1000
TOLD = {
    "tag": "a1_in1k",
    "input_size": [3, 224, 224],
    "fixed_input_size": False,
    "interpolation": "bicubic",
    "crop_pct": 0.95,
    "crop_mode": "center",
    "mean": [0.5, 0.4, 0.3],
    "std": [0.25, 0.5, 0.75],
    "first_conv": "conv1",
    "classifier": "fc",
}


@pytest.fixture(scope="module")
def tensors():
    return reference("resnet18_v1b")


def write(folder, weights=b"", changes=(), **config):
    """A folder of the hub, with ``changes`` to what timm writes under ``pretrained_cfg``."""
    folder.mkdir()
    document = {"architecture": "resnet18", "num_classes": CLASSES, "num_features": 512, **config}
    document["pretrained_cfg"] = {**TOLD, **dict(changes)}
    (folder / "config.json").write_text(json.dumps(document))
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_a_folder_brings_its_network_classes_and_preprocessing(tmp_path, tensors, run_gluonlab):
    names = [f"n{number:08}" for number in range(CLASSES)]
    folder = write(tmp_path / "hub", safetensors.numpy.save(dict(tensors[0])), label_names=names)
    job = run_gluonlab("models", "import", folder, "-o", tmp_path / "model", "--json", "-")
    assert job.returncode == 0, job.stderr
    report = json.loads(job.stdout)
    assert (report["model"], report["source"]["architecture"]) == ("resnet18_v1b", "resnet18")
    opened = open_model(tmp_path / "model")
    assert opened.class_names == tuple(names)
    mean, std = (127.5, 102.0, 76.5), (63.75, 127.5, 191.25)
    assert opened.preprocessing == Preprocessing(mean, std, resize=235, crop=224, interpolation="bicubic")
    images = images_for("resnet18_v1b")
    assert relative_difference(opened.net(nd.array(images)).asnumpy(), tensors[1](images)) < 1e-4


def test_old_folders_say_all_at_the_top_and_have_files_of_pytorch(tmp_path, tensors):
    folder = tmp_path / "hub"
    folder.mkdir()
    document = {**TOLD, "architecture": "resnet18", "num_classes": CLASSES}
    del document["crop_mode"], document["crop_pct"]
    (folder / "config.json").write_text(json.dumps(document))
    (folder / "pytorch_model.bin").write_bytes(torch_zip(dict(tensors[0])))
    import_hub_folder(folder, tmp_path / "model")
    assert open_model(tmp_path / "model").preprocessing.resize == 256  # timm's default share, 0.875


@pytest.mark.parametrize(
    ("changes", "config", "said"),
    [
        ({"crop_mode": "squash"}, {}, "[CKP50] {}: crop_mode squash: not known here; the file of weights"),
        ({"interpolation": "lanczos"}, {}, "[CKP50] {}: interpolation lanczos: not known here"),
        ({"input_size": [3, 224, 192]}, {}, "[CKP50] {}: images of 224 x 192: not known here"),
        (
            {"input_size": [1, 9, 9], "mean": [0], "std": [1]},
            {},
            "[CKP50] {}: images of 1 channels: not known here",
        ),
        ({}, {"architecture": "resnet26t"}, "[CKP50] {}: resnet26t is no network of gluonlab; --as NAME"),
        ({}, {"model_args": {"patch_size": 8}}, "[CKP50] {}: resnet18 with patch_size of its own is not"),
        ({}, {"label_names": ["cat", "dog"]}, "[CKP50] {}: has 2 names for 1000 classes"),
        ({"crop_pct": 0}, {}, "[CKP03] {}: is damaged: crop_pct 0"),
        ({"std": [0, 1, 1]}, {}, "[CKP03] {}: is damaged: crop_pct 0.95"),
        ({"mean": "grey"}, {}, "[CKP03] {}: is damaged: "),
        ({}, {"num_classes": "many"}, "[CKP03] {}: is damaged: "),
        ({}, {"label_names": [1] * CLASSES}, "[CKP03] {}: is damaged: label_names are no names"),
    ],
)
def test_what_is_not_here_is_one_line_and_nothing_is_written(tmp_path, changes, config, said):
    folder = write(tmp_path / "hub", changes=changes, **config)
    with pytest.raises(CheckpointError) as error:
        import_hub_folder(folder, tmp_path / "model")
    (line,) = str(error.value).splitlines()
    assert line.startswith("error" + said.format(folder / "config.json"))
    assert not (tmp_path / "model").exists()


def test_weights_of_another_network_or_size_are_one_line_and_nothing_is_written(tmp_path, tensors):
    weights = safetensors.numpy.save(dict(tensors[0]))
    for number, config in enumerate(({"num_classes": 10}, {"architecture": "resnet34"})):
        with pytest.raises(CheckpointError, match=r"CKP06") as error:
            import_hub_folder(write(tmp_path / str(number), weights, **config), tmp_path / "model")
        assert len(str(error.value).splitlines()) == 1
    vit = write(tmp_path / "vit", changes={"input_size": [3, 384, 384]}, architecture="vit_tiny_patch16_224")
    with pytest.raises(CheckpointError, match=r"CKP50.*vit_tiny_patch16_224 cannot take images of 384 x 384"):
        import_hub_folder(vit, tmp_path / "model")
    (vit / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"CKP02.*holds none of model.safetensors or pytorch_model.bin"):
        read_hub_folder(vit)
    assert not (tmp_path / "model").exists()


def test_a_damaged_description_in_a_model_folder_is_one_line(tmp_path, tensors):
    folder = write(tmp_path / "hub", safetensors.numpy.save(dict(tensors[0])))
    import_hub_folder(folder, tmp_path / "model")
    facts = json.loads((tmp_path / "model/model.json").read_text())
    for wrong in ({"crop": -1}, {"interpolation": "lanczos"}, {"mean": ["a"]}, {"more": 1}):
        damaged = {**facts, "preprocessing": {**facts["preprocessing"], **wrong}}
        (tmp_path / "model/model.json").write_text(json.dumps(damaged))
        with pytest.raises(CheckpointError, match="CKP03"):
            open_model(tmp_path / "model")


def test_a_file_needs_a_name(tmp_path, run_gluonlab):
    job = run_gluonlab("models", "import", tmp_path / "w.safetensors")
    said = "error[CLI02] --as: is missing; name the model that it holds weights of\n"
    assert (job.returncode, job.stderr) == (2, said)


OF_TIMM = """
import json, sys
import timm, torch
from PIL import Image
from timm.data import create_transform, resolve_model_data_config
from timm.models import _hub
folder, name, picture, args = sys.argv[1:]
torch.manual_seed(0)
net = timm.create_model(name, **json.loads(args)).eval()
_hub.save_for_hf(net, folder, safe_serialization=True)
transform = create_transform(**resolve_model_data_config(net), is_training=False)
with torch.no_grad():
    logits = net(transform(Image.open(picture).convert("RGB"))[None])
json.dump(logits[0].tolist(), open(folder + "/logits.json", "w"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not PYTHON, reason="GLUONLAB_TORCHVISION_PYTHON names no Python with timm")
@pytest.mark.parametrize(
    ("architecture", "arguments"),
    [
        ("vit_tiny_patch16_224", {}),
        ("deit_tiny_distilled_patch16_224", {"num_classes": 7}),
        ("resnet18d", {"num_classes": 7}),
        ("convnext_atto", {}),
        ("efficientnet_lite0", {}),
        ("mobilenetv4_conv_small", {}),
        ("vit_base_patch32_224", {}),
    ],
)
def test_a_folder_of_timm_gives_timms_logits_of_a_picture(tmp_path, architecture, arguments):
    import cv2

    ramp = np.add.outer(np.arange(300) * 3, np.arange(420) * 5)[:, :, None] + [0, 40, 90]
    picture, folder = tmp_path / "picture.png", tmp_path / "hub"
    cv2.imwrite(str(picture), (ramp % 256).astype(np.uint8))
    script = [PYTHON, "-c", OF_TIMM, folder, architecture, picture, json.dumps(arguments)]
    subprocess.run(list(map(str, script)), check=True, capture_output=True)
    import_hub_folder(folder, tmp_path / "model")
    opened = open_model(tmp_path / "model")
    images = read_batch(ImageFiles([Path(picture)]), opened.augmentation(), *opened.normalisation)
    expected = np.array(json.loads((folder / "logits.json").read_text()))
    found = opened.net(nd.array(images)).asnumpy()[0]
    assert np.abs(found - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())
