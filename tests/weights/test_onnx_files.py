"""Initializers of ONNX models, read without ONNX."""

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import pytest

from gluonlab.errors import CheckpointError
from gluonlab.weights.files import read_weights
from gluonlab.weights.mxnet_params import DamagedError
from gluonlab.weights.onnx_files import parse_onnx
from tests.weights.test_weight_files import survive

ARRAYS = {
    "conv.weight": np.arange(24, dtype="float32").reshape(2, 3, 2, 2),
    "count": np.array(-7),
    "half": np.arange(6, dtype="float16").reshape(2, 3),
    "double": np.array([0.1]),
}


def model(tensors):
    graph = onnx.helper.make_graph([], "net", [], [], tensors)
    return onnx.helper.make_model(graph, producer_name="somebody").SerializeToString()


@pytest.fixture(scope="module")
def raw():
    return model([onnx.numpy_helper.from_array(array, name) for name, array in ARRAYS.items()])


def test_initializers_are_read_to_the_bit(raw, tmp_path):
    (tmp_path / "net.bin").write_bytes(raw)
    found = read_weights(tmp_path / "net.bin")
    assert list(found) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)


def test_numbers_beside_raw_bytes_are_read_and_our_constants_are_no_weights():
    tensors = [
        onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, (2, 2), [1, 2, 3, 4]),
        onnx.helper.make_tensor("constant_float32_0", onnx.TensorProto.FLOAT, (), [0]),
    ]
    found = parse_onnx(model(tensors))
    assert list(found) == ["w"]
    np.testing.assert_array_equal(found["w"], [[1, 2], [3, 4]])


def test_what_is_damaged_or_elsewhere_is_one_line(raw, tmp_path):
    outside = onnx.numpy_helper.from_array(ARRAYS["half"], "half")
    outside.data_location = onnx.TensorProto.EXTERNAL
    cut = onnx.numpy_helper.from_array(ARRAYS["half"], "half")
    cut.raw_data = b"1234"
    odd = onnx.helper.make_tensor("text", onnx.TensorProto.STRING, (1,), [b"a"])
    for bad, what in (
        (raw[:-3], "CKP41"),
        (model([]), "is an ONNX model without weights"),
        (model([outside]), "tensor half: is kept in another file"),
        (model([cut]), r"tensor half: has 4 bytes for shape \(2, 3\)"),
        (model([odd]), "tensor text: has unknown type 8"),
    ):
        (tmp_path / "bad.onnx").write_bytes(bad)
        with pytest.raises(CheckpointError, match=what):
            read_weights(tmp_path / "bad.onnx")


@pytest.mark.parametrize("count", [4000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mutated_onnx_models_are_read_or_refused(raw, count):
    assert survive(parse_onnx, [raw], count) > 0.3
    with pytest.raises(DamagedError):
        parse_onnx(raw + b"\x07")
