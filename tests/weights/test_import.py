"""Weights of torchvision, timm, Gluon and GluonCV in our networks: the same logits, or what does not fit."""

import json

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.models import create
from gluonlab.models.pretrained import head_of, load_weights
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.weights.exporting import torch_state_dict
from gluonlab.weights.fitting import fit
from gluonlab.weights.importing import import_weights
from gluonlab.weights.model_folder import read_model_folder
from gluonlab.weights.naming import naming_of, namings_of
from gluonlab.weights.tables import NAMINGS
from tests.weights.reference_networks import NETWORKS, images_for, reference, relative_difference
from tests.weights.torch_writer import torch_zip


def problem_lines(action):
    with pytest.raises(CheckpointError) as error:
        action()
    return str(error.value).splitlines()


def test_a_pytorch_file_becomes_a_model_folder_from_the_command_line(tmp_path, run_gluonlab):
    tensors, forward = reference("resnet18_v1b")
    (tmp_path / "resnet18.pth").write_bytes(torch_zip({"state_dict": dict(tensors)}))
    result = run_gluonlab(
        "models",
        "import",
        tmp_path / "resnet18.pth",
        "--as",
        "resnet18_v1b",
        "-o",
        tmp_path / "model",
        "--json",
        "-",
    )
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["source"]["names"] == "torchvision"
    facts = read_model_folder(tmp_path / "model")
    assert (facts.model, facts.classes, facts.sha256) == ("resnet18_v1b", 1000, report["sha256"])
    net = create("resnet18_v1b", pretrained=tmp_path / "model")
    images = images_for("resnet18_v1b")
    assert relative_difference(net(nd.array(images)).asnumpy(), forward(images)) < 1e-4
    again = run_gluonlab(
        "models", "import", tmp_path / "resnet18.pth", "--as", "resnet18_v1b", "-o", tmp_path / "model"
    )
    assert again.returncode == 4
    assert f"error[CKP01] {tmp_path / 'model'}: exists already" in again.stderr


def randomised(net, seed=0):
    """``net`` with random values, running statistics and biases included."""
    net.initialize()
    net(nd.zeros((1, 3, 64, 64)))
    random = np.random.RandomState(seed)
    for name, parameter in net._collect_params_with_prefix().items():
        shape = parameter.shape
        if name.endswith(("running_var", "gamma")):
            values = random.uniform(0.5, 1.5, shape)
        elif len(shape) == 1:
            values = random.uniform(-0.3, 0.3, shape)
        else:
            values = random.standard_normal(shape) * (2 / np.prod(shape[1:])) ** 0.5
        parameter.set_data(nd.array(values))
    return net


@pytest.mark.parametrize("name", ["resnet18_v1", "resnet50_v1"])
def test_files_of_gluons_own_zoo_are_read_and_their_biases_folded(name, tmp_path):
    theirs = randomised(gluon.model_zoo.vision.get_model(name))
    theirs.save_parameters(str(tmp_path / "zoo.params"))
    ours = create(name, pretrained=tmp_path / "zoo.params")
    images = nd.array(images_for(name))
    assert relative_difference(ours(images).asnumpy(), theirs(images).asnumpy()) < 1e-4


def test_names_of_gluoncv_are_those_of_torchvision_with_gamma_and_beta():
    gluoncv, torchvision = (
        naming_of("resnet50_v1b", source, NAMINGS) for source in ("gluoncv", "torchvision")
    )
    assert gluoncv.their_name("stage2.0.shortcut.1.gamma") == "layer2.0.downsample.1.gamma"
    assert torchvision.their_name("stage2.0.shortcut.1.gamma") == "layer2.0.downsample.1.weight"
    assert torchvision.their_name("stage4.2.bn3.running_var") == "layer4.2.bn3.running_var"


def test_misfits_are_listed_with_their_names_in_one_line(tmp_path):
    tensors = dict(reference("resnet18_v1b")[0])
    tensors["conv1.weight"] = tensors["conv1.weight"][:, :1]
    tensors["bn1.running_var"] = -tensors["bn1.running_var"]
    tensors["layer1.0.conv1.weight"] = tensors["layer1.0.conv1.weight"].astype("int32")
    tensors["extra.weight"] = tensors.pop("fc.weight")
    path = tmp_path / "weights.safetensors"
    safetensors.numpy.save_file({k: np.ascontiguousarray(v) for k, v in tensors.items()}, path)
    assert problem_lines(lambda: import_weights(path, "resnet18_v1b", tmp_path / "out")) == [
        f"error[CKP06] {path} (torchvision names): 5 tensors do not fit: "
        "bn1.running_var holds a variance below zero, "
        "conv1.weight has shape (64, 1, 7, 7) instead of (64, 3, 7, 7), "
        "extra.weight is not in the model, fc.weight is missing, "
        "layer1.0.conv1.weight has type int32 instead of real numbers"
    ]
    assert not (tmp_path / "out").exists()


def test_a_network_that_only_looks_the_same_is_refused(tmp_path):
    assert "torchvision" not in {naming.source for naming in namings_of("resnet50_v1", NAMINGS)}
    with pytest.raises(ConfigError, match=r"CFG76.*resnet50_v1: has no names of torchvision"):
        naming_of("resnet50_v1", "torchvision", NAMINGS)
    tensors, _ = reference("resnet50_v1b")
    safetensors.numpy.save_file(dict(tensors), tmp_path / "w.safetensors")
    with pytest.raises(CheckpointError, match="CKP06"):
        import_weights(tmp_path / "w.safetensors", "resnet50_v1", tmp_path / "out")


def test_the_sum_is_checked_and_class_names_must_fit(tmp_path):
    tensors, _ = reference("resnet18_v1b")
    path = tmp_path / "w.safetensors"
    safetensors.numpy.save_file(dict(tensors), path)
    with pytest.raises(CheckpointError, match="CKP44"):
        import_weights(path, "resnet18_v1b", tmp_path / "out", sha256="00000000")
    with pytest.raises(ConfigError, match="CFG77"):
        import_weights(path, "resnet18_v1b", tmp_path / "out", class_names=["cat", "dog"])


def test_a_changed_model_folder_is_refused(tmp_path):
    tensors, _ = reference("resnet18_v1b")
    safetensors.numpy.save_file(dict(tensors), tmp_path / "w.safetensors")
    import_weights(tmp_path / "w.safetensors", "resnet18_v1b", tmp_path / "model")
    weights = tmp_path / "model/model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-3] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"CKP44.*model\.safetensors: SHA-256"):
        create("resnet18_v1b", pretrained=tmp_path / "model")
    (tmp_path / "model/model.json").write_text('{"format": 1}')
    with pytest.raises(CheckpointError, match=r"CKP03.*model\.json: is damaged"):
        read_model_folder(tmp_path / "model")


def test_a_classifier_of_other_classes_may_stay_as_it_is(tmp_path):
    tensors, _ = reference("resnet18_v1b")
    path = tmp_path / "w.safetensors"
    safetensors.numpy.save_file(dict(tensors), path)
    mx.random.seed(0)
    net = create("resnet18_v1b", classes=7)
    net.initialize()
    before = net.output.weight.data().asnumpy()
    kept = load_weights(net, path, model="resnet18_v1b", is_new_head=True)
    assert kept.kept == ("output.weight", "output.bias") == head_of(net)
    np.testing.assert_array_equal(net.output.weight.data().asnumpy(), before)
    np.testing.assert_array_equal(net.stem[0].weight.data().asnumpy(), tensors["conv1.weight"])
    with pytest.raises(CheckpointError, match="CKP06"):
        load_weights(net, path, model="resnet18_v1b")


@pytest.mark.parametrize("name", [*NETWORKS, "resnet18_v1", "resnet18_v2", "cifar_resnet20"])
def test_the_layer_made_last_is_the_classifier(name):
    net = create(name, classes=7)
    parameters = net._collect_params_with_prefix()
    assert [parameters[name].shape[0] for name in head_of(net)] == [7, 7]
    for naming in namings_of(name, NAMINGS):
        names = [naming.their_name(parameter) for parameter in parameters]
        assert len(set(names)) == len(names), naming.source


def test_auxiliary_classifiers_of_torchvision_are_left_out_and_other_tensors_are_not():
    naming = naming_of("googlenet", "torchvision", NAMINGS)
    assert naming.leaves_out("aux1.conv.conv.weight")
    assert naming.leaves_out("aux2.fc2.bias")
    assert not naming.leaves_out("auxiliary.weight")
    net = create("googlenet")
    net.initialize(init="zeros")
    tensors = torch_state_dict(net, "googlenet")
    shapes = {name: p.shape for name, p in net._collect_params_with_prefix().items()}
    beside = {"aux1.fc1.weight": np.ones((2, 2), "float32"), "aux2.conv.bn.num_batches_tracked": np.array(3)}
    assert set(fit({**tensors, **beside}, shapes, [naming], "a file").tensors) == set(shapes)
    with pytest.raises(CheckpointError, match=r"extra\.weight is not in the model"):
        fit({**tensors, "extra.weight": beside["aux1.fc1.weight"]}, shapes, [naming], "a file")
