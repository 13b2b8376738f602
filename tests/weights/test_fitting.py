"""Tensors of a file as those of a network: shared prefixes go, and what does not fit is one line."""

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.checkpoint.tensors import first_five
from gluonlab.errors import CheckpointError
from gluonlab.models import create
from gluonlab.models.pretrained import load_weights
from gluonlab.weights.fitting import fit
from gluonlab.weights.importing import import_weights
from gluonlab.weights.naming import Naming
from gluonlab.weights.tables import OWN
from tests.weights.reference_networks import reference

SHAPES = {"conv.weight": (2, 1, 3, 3), "norm.gamma": (2,), "output.weight": (10, 2)}
TENSORS = {name: np.full(shape, number, "float32") for number, (name, shape) in enumerate(SHAPES.items())}
TORCH = Naming("torchvision", ("*",), (("output.*", "fc.*"),), is_torch=True)


def with_prefix(prefix, tensors=TENSORS):
    return {prefix + name: array for name, array in tensors.items()}


def refusal(tensors, namings=(OWN,), head=()):
    with pytest.raises(CheckpointError) as error:
        fit(tensors, SHAPES, namings, "w.pth", head)
    return str(error.value)


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "_orig_mod.", "model.", "backbone.", "_orig_mod.module.", "state.net.encoder.0."],
)
def test_what_stands_before_all_names_is_taken_off(prefix):
    fitted = fit(with_prefix(prefix), SHAPES, [OWN], "w.pth")
    assert fitted.prefix == prefix
    assert fitted.names == "gluonlab"
    assert fitted.tensors.keys() == SHAPES.keys()
    assert all((fitted.tensors[name] == TENSORS[name]).all() for name in SHAPES)


@pytest.mark.parametrize("before", ["", "_orig_mod."])
def test_the_counter_of_an_averaged_model_is_no_tensor_of_the_network(before):
    averaged = {f"{before}n_averaged": np.array(3), **with_prefix(f"{before}module.")}
    assert fit(averaged, SHAPES, [OWN], "w.pth").tensors.keys() == SHAPES.keys()


def test_a_prefix_goes_before_the_names_of_another_project_and_a_new_head_too():
    theirs = {"conv.weight": TENSORS["conv.weight"], "norm.weight": np.ones(2), "norm.num_batches_tracked": 7}
    theirs = {**theirs, "fc.weight": np.ones((1000, 2))}
    fitted = fit(with_prefix("module.", theirs), SHAPES, [OWN, TORCH], "w.pth", head=("output.weight",))
    assert (fitted.names, fitted.prefix) == ("torchvision", "module.")
    assert fitted.tensors.keys() == {"conv.weight", "norm.gamma"}


def test_a_prefix_that_not_all_names_share_is_kept_and_what_comes_nearest_is_told():
    partly = {**with_prefix("backbone."), "queue": np.ones(2, "float32")}
    assert refusal(partly) == (
        "error[CKP06] w.pth: 7 tensors do not fit: backbone.conv.weight is not in the model,"
        " backbone.norm.gamma is not in the model, backbone.output.weight is not in the model,"
        " conv.weight is missing, norm.gamma is missing and 2 more"
    )
    short = with_prefix("module.", {name: TENSORS[name] for name in ("conv.weight", "norm.gamma")})
    assert refusal(short) == "error[CKP06] w.pth (without module.): tensor output.weight is missing"


@pytest.mark.parametrize("names", [["a."], [".a", ".b"], ["", "."], ["a" + ".a" * 10_000], ["n_averaged"]])
def test_strange_names_are_one_line(names):
    line = refusal({name: np.ones(1, "float32") for name in names})
    assert line.startswith("error[CKP06] w.pth")
    assert "\n" not in line
    assert len(line) < 1200


def test_a_network_of_many_tensors_is_refused_in_one_line_of_five_tensors_and_a_count(tmp_path):
    path = tmp_path / "w.safetensors"
    safetensors.numpy.save_file(dict(reference("resnet18_v1b")[0]), path)
    with pytest.raises(CheckpointError) as error:
        import_weights(path, "squeezenet1_0", tmp_path / "out", classes=10)
    assert len(str(error.value).splitlines()) == 1
    assert str(error.value).startswith(f"error[CKP06] {path}: 154 tensors do not fit: ")
    assert str(error.value).endswith(" and 149 more")
    net = create("small_resnet8")
    net.initialize()
    with pytest.raises(CheckpointError, match=r"\d+ tensors do not fit: .* and \d+ more$"):
        load_weights(net, path)


def test_five_items_are_shown_and_the_rest_is_counted():
    assert first_five([]) == ""
    assert first_five(list("abcde")) == "a, b, c, d, e"
    assert first_five([str(number) for number in range(2005)]) == "0, 1, 2, 3, 4 and 2,000 more"
    assert first_five(["x" * 10**6]) == "x" * 200
