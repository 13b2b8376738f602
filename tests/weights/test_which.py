"""Files with weights and their average: the average is taken, or what was asked for, and it is told."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.build.device import Device
from gluonlab.build.network import build_state
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.config.load import load_config
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.models import create
from gluonlab.parallel.world import SingleProcess
from gluonlab.weights.files import read_which
from gluonlab.weights.which import check_which
from tests.weights.torch_writer import torch_legacy, torch_zip

SMOKE = Path(__file__).parents[2] / "configs/smoke.yaml"
RAW, AVERAGE = (OrderedDict(w=np.full(2, value, "float32"), b=np.zeros(1, "float32")) for value in (1, 2))
WRAPPED = OrderedDict([("n_averaged", np.array(3)), *((f"module.{k}", v) for k, v in AVERAGE.items())])

PAIRS = {
    "timm": ({"state_dict": RAW, "state_dict_ema": AVERAGE, "epoch": 3}, "state_dict_ema", "state_dict"),
    "torchvision": ({"model": RAW, "model_ema": WRAPPED, "optimizer": {"state": {}}}, "model_ema", "model"),
    "several": (
        {"ema": RAW, "ema_state_dict": RAW, "model_ema": AVERAGE, "model": RAW}, "model_ema", "model",
    ),
    "word": ({"net": RAW, "net.EMA": AVERAGE}, "net.EMA", "net"),
    "nested": ({"model": RAW, "ema": {"module": AVERAGE, "updates": 7}}, "ema.module", "model"),
    "inner": ({"state_dict": {"model": RAW, "swa": AVERAGE}}, "state_dict.swa", "state_dict.model"),
    "shadow": ({"params": RAW, "params_ema": {"shadow": AVERAGE}}, "params_ema.shadow", "params"),
}  # fmt: skip


def numbers(path, which=None):
    tensors, taken = read_which(path, which)
    (name,) = (name for name in tensors if name.endswith("w"))
    return tensors[name][0], taken


def refusal(path, which):
    with pytest.raises(CheckpointError) as error:
        read_which(path, which)
    return str(error.value)


@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
@pytest.mark.parametrize("case", PAIRS)
def test_the_average_is_taken_unless_the_weights_are_asked_for(tmp_path, write, case):
    value, key, other = PAIRS[case]
    path = tmp_path / "w.pth"
    path.write_bytes(write(value))
    for which, expected in ((None, 2), ("average", 2), ("raw", 1)):
        number, taken = numbers(path, which)
        assert number == expected
        assert taken.is_told
    assert str(read_which(path)[1]) == f"the average of the weights ({key}), not the weights ({other})", str(
        read_which(path)[1]
    )
    raw = str(read_which(path, "raw")[1])
    assert raw.startswith(f"the weights ({other}), not the average of the weights (")


def test_a_file_of_one_kind_is_what_it_is(tmp_path):
    path = tmp_path / "w.pth"
    for value, kind in (
        (RAW, "raw"),
        ({"model": RAW, "ema": None, "ema_decay": 0.9}, "raw"),
        (WRAPPED, "average"),
    ):
        path.write_bytes(torch_zip(value))
        _, taken = read_which(path)
        assert taken.kind == kind
        assert taken.is_told == (kind == "average")
        assert read_which(path, kind)[1] == taken
    assert refusal(path, "raw") == f"error[CKP49] {path}: holds an average of weights alone"
    path.write_bytes(torch_zip({"state_dict_ema": AVERAGE, "epoch": 3}))
    assert numbers(path)[0] == 2
    assert refusal(path, "raw") == f"error[CKP49] {path}: holds an average of weights alone, state_dict_ema"
    path.write_bytes(torch_zip({"module": AVERAGE, "n_averaged": np.array(3)}))
    assert read_which(path)[1].kind == "average"
    path.write_bytes(torch_zip(RAW))
    assert refusal(path, "average") == f"error[CKP49] {path}: holds no average of weights"


def test_an_average_without_names_is_told(tmp_path):
    path = tmp_path / "w.pth"
    path.write_bytes(
        torch_zip({"model": RAW, "ema": {"decay": 0.9, "shadow_params": list(AVERAGE.values())}})
    )
    number, taken = numbers(path)
    assert number == 1
    assert str(taken) == "the weights (model); the average in ema has no names"
    assert taken.is_told
    assert refusal(path, "average").endswith("holds no average of weights by names: the one in ema has none")


def test_an_average_among_the_names_is_found_in_every_format(tmp_path):
    path = tmp_path / "w.safetensors"
    both = {f"model.{name}": array for name, array in RAW.items()}
    both.update({f"model_ema.module.{name}": array for name, array in AVERAGE.items()})
    safetensors.numpy.save_file(both, path)
    assert numbers(path)[0] == 2
    assert numbers(path, "raw")[0] == 1
    assert list(read_which(path, "raw")[0]) == ["model.b", "model.w"]
    assert str(read_which(path)[1]) == "the average of the weights (model_ema.*), not the weights (the rest)"


def test_layers_that_are_called_like_an_average_are_layers(tmp_path):
    path = tmp_path / "w.safetensors"
    tensors = {"avg.conv.weight": RAW["w"], "conv.weight2": RAW["w"]}
    safetensors.numpy.save_file(tensors, path)
    found, taken = read_which(path)
    assert found.keys() == tensors.keys()
    assert taken.kind == "raw"


def test_another_choice_is_refused():
    assert check_which(None) is None
    assert check_which("raw") == "raw"
    with pytest.raises(ConfigError, match=r"CFG09.*--weights ema: is not known; known are raw, average"):
        check_which("ema")


@pytest.fixture
def both(tmp_path):
    """A file of SqueezeNet as timm's scripts save it; biases are 1 in the weights, 2 in their average."""
    shapes = {
        name: p.shape for name, p in create("squeezenet1_1", classes=3)._collect_params_with_prefix().items()
    }
    raw, average = (
        {name: np.full(shape, value, "float32") for name, shape in shapes.items()} for value in (1, 2)
    )
    (tmp_path / "best.pth.tar").write_bytes(torch_zip({"state_dict": raw, "state_dict_ema": average}))
    return tmp_path / "best.pth.tar"


def test_import_says_what_it_took_and_the_folder_remembers(both, tmp_path, run_gluonlab):
    start = ["models", "import", both, "--as", "squeezenet1_1", "--classes", 3]
    done = run_gluonlab(*start, "-o", tmp_path / "average")
    assert done.stdout.splitlines()[-1] == (
        "took the average of the weights (state_dict_ema), not the weights (state_dict)"
    )
    done = run_gluonlab(*start, "-o", tmp_path / "raw", "--weights", "raw", "--json", "-")
    assert json.loads(done.stdout)["source"]["weights"] == {
        "kind": "raw", "key": "state_dict", "other": "state_dict_ema", "unnamed": "",
    }  # fmt: skip
    refused = run_gluonlab(*start, "-o", tmp_path / "none", "--weights", "ema")
    assert (refused.returncode, refused.stderr) == (
        2,
        "error[CFG09] --weights ema: is not known; known are raw, average\n",
    )
    for kind, value in (("average", 2), ("raw", 1)):
        net = create("squeezenet1_1", classes=3, pretrained=tmp_path / kind, weights=kind)
        assert (net.features[0].bias.data().asnumpy() == value).all()
    with pytest.raises(CheckpointError, match=r"CKP49.*average: holds an average of weights alone"):
        create("squeezenet1_1", classes=3, pretrained=tmp_path / "average", weights="raw")
    with pytest.raises(CheckpointError, match=r"CKP49.*raw: holds no average of weights"):
        create("squeezenet1_1", classes=3, pretrained=tmp_path / "raw", weights="average")


def test_networks_start_from_the_average_or_from_what_is_asked_for(both, caplog):
    for keys, value in (([], 2), (["model.pretrained_weights=raw"], 1)):
        caplog.clear()
        overrides = [
            "model.name=squeezenet1_1",
            "data.classes=3",
            "data.channels=3",
            f"model.pretrained={both}",
        ]
        state = build_state(load_config(SMOKE, [*overrides, *keys]), SingleProcess(), Device())
        assert (state.net.features[0].bias.data().asnumpy() == value).all()
        told = "took the average of the weights (state_dict_ema), not the weights (state_dict)"
        assert (told in caplog.text) == (value == 2)


def test_of_a_run_that_averages_the_average_is_taken_too(tmp_path):
    net = create("small_resnet8")
    arrays = {name: np.ones(p.shape, "float32") for name, p in net._collect_params_with_prefix().items()}
    tensors = {"model": arrays, "average": {name: 2 * array for name, array in arrays.items()}}
    checkpoint = CheckpointStore(tmp_path / "checkpoints").save(1, tensors, {"step": 1})
    for which, value in ((None, 2), ("average", 2), ("raw", 1)):
        net = create("small_resnet8", pretrained=checkpoint, weights=which)
        assert (net.output.bias.data().asnumpy() == value).all()
    alone = CheckpointStore(tmp_path / "alone").save(1, {"model": arrays}, {"step": 1})
    with pytest.raises(CheckpointError, match=r"CKP49.*holds no average of weights"):
        create("small_resnet8", pretrained=alone, weights="average")
