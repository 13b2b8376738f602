"""Pickles of PyTorch of all ages, and plain values beside the weights: passed over, and nothing is made."""

import argparse
import collections
import datetime
import fractions
import io
import pathlib
import pickle
import types
import uuid

import numpy as np
import pytest

from gluonlab.errors import CheckpointError
from gluonlab.weights.files import read_weights
from gluonlab.weights.mxnet_params import DamagedError
from gluonlab.weights.tensor_pickle import RefusedError, parse_pickle
from gluonlab.weights.torch_files import parse_torch
from tests.weights.torch_writer import STYLES, Called, torch_legacy, torch_zip, zip_around

TENSORS = collections.OrderedDict(
    [("conv.weight", np.arange(24, dtype="float32").reshape(2, 3, 4)), ("conv.bias", np.ones(2, "float32"))]
)


PLAIN = {
    "args": argparse.Namespace(lr=0.1, names=["a", {"b"}]),
    "space": types.SimpleNamespace(lr=0.1),
    "counter": collections.Counter({30: 1, 60: 2}),
    "default": collections.defaultdict(list, {"a": [1]}),
    "queue": collections.deque([1, 2], maxlen=3),
    "sets": [{1, 2}, frozenset({3}), set()],
    "bytes": [b"abc", bytearray(b"abc")],
    "complex": 1j,
    "range": range(3),
    "time": [datetime.datetime(2020, 1, 1), datetime.timedelta(1), datetime.timezone.utc],
    "path": pathlib.PurePosixPath("/data/imagenet"),
    "numbers": [np.float64(0.1), np.float32(2), np.int64(3)],
    "fraction": fractions.Fraction(1, 3),
    "id": uuid.UUID(int=7),
    "keys": {1: "a", 0.5: "b", None: "c", False: "d", (1, "a"): "e", b"f": "f"},
}


def written(path, raw):
    path.write_bytes(raw)
    return path


def equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("write", [torch_zip, torch_legacy])
@pytest.mark.parametrize("style", STYLES)
def test_tensors_are_read_as_each_age_of_pytorch_wrote_them(tmp_path, write, style):
    equal(read_weights(written(tmp_path / "w.pth", write(TENSORS, style=style))), TENSORS)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_values_beside_the_weights_are_passed_over(tmp_path, name, protocol):
    raw = torch_zip({name: PLAIN[name], "model": TENSORS, "epoch": 3}, protocol=protocol)
    equal(read_weights(written(tmp_path / "w.pth", raw)), TENSORS)


def test_a_plain_value_is_not_made():
    value, _ = parse_pickle(io.BytesIO(pickle.dumps({"args": argparse.Namespace(lr=0.1)}, 2)))
    assert type(value["args"]).__name__ == "Skipped"
    assert vars(value["args"]) == {}


def test_a_dictionary_with_attributes_is_read(tmp_path):
    tensors = collections.OrderedDict(TENSORS)
    tensors._metadata = {"": {"version": 1}}  # as the state dicts of PyTorch have it
    equal(read_weights(written(tmp_path / "w.pth", torch_zip(tensors))), TENSORS)


def test_a_dictionary_of_python_2_is_read(tmp_path):
    pairs = [[name, array] for name, array in TENSORS.items()]
    raw = torch_zip(Called(collections.OrderedDict, pairs))
    equal(read_weights(written(tmp_path / "w.pth", raw)), TENSORS)


def test_a_plain_value_among_the_tensors_is_told(tmp_path):
    path = written(tmp_path / "w.pth", torch_zip({**TENSORS, **PLAIN}))
    with pytest.raises(CheckpointError, match=r"CKP41.*no tensors: args, space, .* and 10 more$"):
        read_weights(path)


@pytest.mark.parametrize(
    ("program", "error"),
    [
        (b"\x80\x02ccollections\nOrderedDict\nK\x01\x85R.", "no list of pairs"),
        (b"\x80\x02ccollections\nOrderedDict\n](K\x01K\x02K\x03\x87e\x85R.", "damaged pickle"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor\n)R.", "damaged pickle"),
        (b"\x80\x02ctorch\nSize\nK\x01\x85R.", "damaged pickle"),
        (b"\x80\x02}" + b"K\x01" + b"\x85" * 100_000 + b"K\x01s.", "a key is neither text nor a number"),
        (b"\x80\x04\x8f(K\x01\x90.", "no dictionary of tensors"),
    ],
)
def test_odd_programs_are_one_error(program, error):
    with pytest.raises(DamagedError, match=error):
        parse_torch(zip_around(program, {}))


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\nctorch._tensor\n_rebuild_from_type_v2\nNN\x87R.",
        b"\x80\x02K\x01)\x81.",
        b"\x80\x02cbuiltins\ngetattr\n)R.",
        b"\x80\x02cargparse\nArgumentParser\n)\x81.",
        b"\x80\x02ctorch\nload\n)R.",
        b"\x80\x02K\x01}b.",
    ],
)
def test_other_names_and_calls_are_refused(program):
    with pytest.raises(RefusedError):
        parse_torch(zip_around(program, {}))
