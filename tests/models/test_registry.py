"""Models by name: the table, the options, pretrained weights, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.models import ModelOptions, create, entry, list_models
from gluonlab.models.inspection import count_multiply_adds, count_parameters
from gluonlab.runtime.mxnet import gluon, nd


@pytest.fixture
def saved(tmp_path):
    """A net and the file of its weights."""
    net = create("small_resnet8")
    net.initialize()
    path = tmp_path / "model.safetensors"
    tensors = {name: value.data().asnumpy() for name, value in net._collect_params_with_prefix().items()}
    save_file(tensors, path)
    return net, path


def test_the_table_says_what_the_nets_have():
    for model in list_models():
        net = create(model.name)
        assert count_parameters(net) == model.parameters, model.name
        assert count_multiply_adds(net, model.input_shape) == model.multiply_adds, model.name


def test_preprocessing_makes_what_the_net_takes():
    for model in list_models():
        channels, height, width = model.input_shape
        preprocessing = model.preprocessing
        assert len(preprocessing.mean) == len(preprocessing.std) == channels, model.name
        assert preprocessing.crop == height == width, model.name
        assert preprocessing.resize is None or preprocessing.resize >= preprocessing.crop, model.name


def test_names_are_found_by_pattern():
    versions = ["v1", "v1b", "v1c", "v1d", "v2"]
    assert [model.name for model in list_models("resnet50*")] == [f"resnet50_{v}" for v in versions]
    assert len(list_models("resnet*_v1b")) == 5
    assert list_models("nothing*") == []


def test_listing_imports_no_mxnet():
    code = "import sys; from gluonlab.models import list_models; list_models(); print('mxnet' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"


def test_a_net_is_plain_gluon_and_not_initialised():
    net = create("cifar_resnet20", classes=100)
    assert isinstance(net, gluon.HybridBlock)
    assert net.output.weight.shape == (100, 64)
    with pytest.raises(RuntimeError, match="has not been initialized"):
        net.output.weight.data()


def test_an_unknown_name_gets_suggestions():
    with pytest.raises(ConfigError) as caught:
        create("resnet50")
    line = str(caught.value)
    assert line.startswith("error[CFG09] model.name: unknown model 'resnet50'; did you mean ")
    assert line.endswith("did you mean resnet50_v1, resnet50_v1b, resnet50_v1c, resnet50_v1d, resnet50_v2?")
    assert caught.value.exit_code == 2


def test_a_misspelled_name_gets_the_one_that_is_meant():
    with pytest.raises(ConfigError, match=r"did you mean resnext101_32x8d, "):
        entry("resnxt101_32x8d")


def test_a_name_like_no_other_gets_a_hint():
    with pytest.raises(ConfigError, match="gluonlab models list shows all"):
        entry("?")


def test_impossible_options_are_all_told_at_once():
    options = ModelOptions(bn_momentum=1.0, bn_epsilon=0.0, input_channels=0)
    with pytest.raises(ConfigError) as caught:
        create("small_resnet8", classes=0, options=options)
    assert str(caught.value).splitlines() == [
        "error[CFG09] model.classes: 0 is out of range; must be at least 1",
        "error[CFG09] model.input_channels: 0 is out of range; must be at least 1",
        "error[CFG09] model.bn_momentum: 1.0 is out of range; must be at least 0, less than 1",
        "error[CFG09] model.bn_epsilon: 0.0 is out of range; must be more than 0",
    ]


def test_pretrained_weights_come_back(saved):
    net, path = saved
    images = nd.array(np.random.RandomState(0).normal(size=(2, 1, 28, 28)))
    for source in (path, path.parent):
        loaded = create("small_resnet8", pretrained=source)
        np.testing.assert_array_equal(loaded(images).asnumpy(), net(images).asnumpy())


def test_tensors_that_do_not_fit_are_told_in_one_line(saved):
    _, path = saved
    tensors = load_file(path)
    tensors["head.weight"] = tensors.pop("output.weight")
    tensors["output.bias"] = np.zeros(9, "float32")
    save_file(tensors, path)
    with pytest.raises(CheckpointError) as caught:
        create("small_resnet8", pretrained=path)
    assert str(caught.value) == (
        f"error[CKP06] {path}: 3 tensors do not fit: head.weight is not in the model, "
        "output.bias has shape (9,) instead of (10,), output.weight is missing"
    )
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("content", [b"", b"no safetensors", b"\x10\0\0\0\0\0\0\0" + b"{" * 16])
def test_a_damaged_file_is_one_line(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        create("small_resnet8", pretrained=path)
    assert re.match(rf"error\[CKP(03|40)\] {path}: is no", str(caught.value))
    assert "\n" not in str(caught.value)


def test_a_cut_off_file_is_refused(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="CKP03"):
        create("small_resnet8", pretrained=path)


def test_a_damaged_checkpoint_is_no_start(tmp_path, saved):
    net, path = saved
    checkpoint = CheckpointStore(tmp_path / "checkpoints").save(1, {"model": load_file(path)}, {"step": 1})
    first = next(iter(net.collect_params().values())).data()
    started = create("small_resnet8", pretrained=checkpoint)
    np.testing.assert_array_equal(
        next(iter(started.collect_params().values())).data().asnumpy(), first.asnumpy()
    )
    raw = bytearray((checkpoint / "model.safetensors").read_bytes())
    raw[-5] ^= 1  # a number that is only a little another one
    (checkpoint / "model.safetensors").write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"CKP03.*content differs from what was written"):
        create("small_resnet8", pretrained=checkpoint)


def test_a_missing_file_is_one_line(tmp_path):
    for path in (tmp_path / "none.safetensors", tmp_path):
        with pytest.raises(CheckpointError, match="no such file"):
            create("small_resnet8", pretrained=path)
