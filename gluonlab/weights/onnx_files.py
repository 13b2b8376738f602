"""The weights in an ONNX model: its initializers, read without ONNX, every length checked before it is used.

ONNX files are protocol buffers: fields of a number, a kind and a value; see ``onnx.proto`` for the numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.weights.mxnet_params import MAX_DIMENSIONS, DamagedError, bfloat16_to_float32
from gluonlab.weights.onnx_export import CONSTANT

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MODEL_GRAPH, GRAPH_INITIALIZER = 7, 5
TENSOR_DIMS, TENSOR_TYPE, TENSOR_FLOATS, TENSOR_NAME, TENSOR_RAW, TENSOR_PLACE = 1, 2, 4, 8, 9, 14
DTYPES = {1: "<f4", 2: "|u1", 3: "|i1", 6: "<i4", 7: "<i8", 9: "|b1", 10: "<f2", 11: "<f8"}
FLOAT, BFLOAT16 = 1, 16

Field = tuple[int, Union[int, memoryview]]


def is_onnx(raw: bytes) -> bool:
    """Whether ``raw`` begins as ONNX models do: a version in one byte, then who wrote it."""
    return len(raw) > 3 and raw[0] == 0x08 and raw[1] < 0x80 and raw[2] == 0x12


def parse_onnx(raw: bytes) -> Tensors:
    """The initializers of the model ``raw`` by name, but for constants that our own export adds.

    Raises:
        DamagedError: it is damaged, or keeps weights in other files.
    """
    tensors: Tensors = {}
    for number, graph in _fields(memoryview(raw)):
        if number != MODEL_GRAPH or isinstance(graph, int):
            continue
        for kind, tensor in _fields(graph):
            if kind != GRAPH_INITIALIZER or isinstance(tensor, int):
                continue
            name, array = _tensor(tensor)
            if name in tensors:
                raise DamagedError("holds two tensors of one name")
            if not name.startswith(CONSTANT):
                tensors[name] = array
    if not tensors:
        raise DamagedError("is an ONNX model without weights")
    return tensors


def _fields(raw: memoryview) -> Iterator[Field]:
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        kind, length = key & 7, 0
        if kind == VARINT:
            value, at = _varint(raw, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, at = _varint(raw, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise DamagedError(f"damaged ONNX model: field of kind {kind} at byte {at}")
        if length > len(raw) - at:
            raise DamagedError(f"{length} bytes expected, {len(raw) - at} are left")
        yield key >> 3, raw[at : at + length]
        at += length


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index, byte in enumerate(raw[at : at + 10]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise DamagedError("damaged ONNX model: a number has no end")


def _tensor(raw: memoryview) -> tuple[str, NDArray[Any]]:
    shape: list[int] = []
    kind, name, numbers, floats = 0, "", memoryview(b""), memoryview(b"")
    for number, value in _fields(raw):
        if number == TENSOR_DIMS:
            shape += [value] if isinstance(value, int) else _packed(value)
        elif number == TENSOR_TYPE and isinstance(value, int):
            kind = value
        elif number == TENSOR_NAME and not isinstance(value, int):
            name = bytes(value).decode(errors="replace")
        elif number == TENSOR_RAW and not isinstance(value, int):
            numbers = value
        elif number == TENSOR_FLOATS and not isinstance(value, int):
            floats = value
        elif number == TENSOR_PLACE and value == 1:
            raise DamagedError(f"tensor {name[:200]}: is kept in another file, which is not read")
    if len(shape) > MAX_DIMENSIONS:
        raise DamagedError(f"tensor {name[:200]}: has {len(shape)} dimensions")
    return name, _array(name, kind, tuple(shape), floats if kind == FLOAT and not numbers else numbers)


def _packed(raw: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(raw):
        value, at = _varint(raw, at)
        values.append(value)
    return values


def _array(name: str, kind: int, shape: tuple[int, ...], numbers: memoryview) -> NDArray[Any]:
    if kind != BFLOAT16 and kind not in DTYPES:
        raise DamagedError(f"tensor {name[:200]}: has unknown type {kind}")
    dtype = np.dtype("<u2" if kind == BFLOAT16 else DTYPES[kind])
    if len(numbers) != dtype.itemsize * prod(shape):
        raise DamagedError(f"tensor {name[:200]}: has {len(numbers)} bytes for shape {shape}")
    try:
        array = np.frombuffer(numbers, dtype).reshape(shape)
    except ValueError as error:  # of sizes beyond what an array may have, beside a zero
        raise DamagedError(f"tensor {name[:200]}: {error}") from None
    return bfloat16_to_float32(array) if kind == BFLOAT16 else array
