"""MXNet's ``.params`` files: named dense arrays, read with every length checked before it is used.

The format is that of ``NDArray::Save`` in MXNet 1.9.1 and its predecessors, little-endian: a list of
arrays (magic, shape, device, type, bytes), then a list of their names.
"""

from __future__ import annotations

import struct
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.errors import CheckpointError

LIST_MAGIC = 0x112
MAGIC_V1, MAGIC_V2, MAGIC_V3 = 0xF993FAC8, 0xF993FAC9, 0xF993FACA
DENSE = 0
CPU = 1
DTYPES = {0: "<f4", 1: "<f8", 2: "<f2", 3: "|u1", 4: "<i4", 5: "|i1", 6: "<i8", 7: "|b1"}
BFLOAT16 = 12
MAX_DIMENSIONS = 32
SMALLEST_ARRAY_BYTES = 4


class DamagedError(Exception):
    """What is wrong with the bytes; becomes an error that names the file."""


class _Cursor:
    """Reads from the front of ``raw`` and never beyond its end."""

    def __init__(self, raw: bytes) -> None:
        self._raw = memoryview(raw)
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._raw) - self._at

    def take(self, count: int) -> memoryview:
        if not 0 <= count <= self.left:
            raise DamagedError(f"{count} bytes expected at byte {self._at}, {self.left} are left")
        self._at += count
        return self._raw[self._at - count : self._at]

    def number(self, kind: str) -> int:
        """One integer of the `struct` type ``kind``."""
        return int(struct.unpack("<" + kind, self.take(struct.calcsize("<" + kind)))[0])


def parse_params(raw: bytes) -> Tensors:
    """The arrays of a ``.params`` file by name, views of ``raw``; bfloat16 comes as float32.

    Raises:
        DamagedError: with the number of the array, as names stand at the end of the file.
    """
    cursor = _Cursor(raw)
    if cursor.number("Q") != LIST_MAGIC or cursor.number("Q") != 0:
        raise DamagedError("is not a list of MXNet arrays")
    count = cursor.number("Q")
    if count > cursor.left // SMALLEST_ARRAY_BYTES:
        raise DamagedError(f"claims to hold {count} tensors")
    arrays = [_numbered(cursor, index, count) for index in range(count)]
    if cursor.number("Q") != count:
        raise DamagedError(f"does not hold one name for each of its {count} tensors")
    names = [_name(cursor, index) for index in range(count)]
    if cursor.left:
        raise DamagedError(f"has {cursor.left} bytes after its end")
    if len(set(names)) != count:
        raise DamagedError("holds two tensors of one name")
    return dict(zip(names, arrays))


def _numbered(cursor: _Cursor, index: int, count: int) -> NDArray[Any]:
    try:
        return _array(cursor)
    except DamagedError as error:
        raise DamagedError(f"tensor {index + 1} of {count}: {error}") from None


def _array(cursor: _Cursor) -> NDArray[Any]:
    magic = cursor.number("I")
    if magic in (MAGIC_V2, MAGIC_V3) and cursor.number("i") != DENSE:
        raise DamagedError("is sparse or of an unknown kind; only dense tensors are read")
    if magic in (MAGIC_V1, MAGIC_V2, MAGIC_V3):
        dimensions, kind = cursor.number("i"), "q"
    else:  # before version 1 the number of dimensions stood in its place
        dimensions, kind = magic, "I"
    is_scalar = magic == MAGIC_V3 and dimensions == 0
    if not (is_scalar or 0 < dimensions <= MAX_DIMENSIONS):
        raise DamagedError(f"has {dimensions} dimensions")
    shape = tuple(cursor.number(kind) for _ in range(dimensions))
    if any(size <= 0 for size in shape):
        raise DamagedError(f"has shape {shape}")
    cursor.take(8)  # the device that it was on
    flag = cursor.number("i")
    if flag == BFLOAT16:
        return bfloat16_to_float32(np.frombuffer(cursor.take(2 * prod(shape)), "<u2")).reshape(shape)
    if flag not in DTYPES:
        raise DamagedError(f"has unknown type {flag}")
    dtype = np.dtype(DTYPES[flag])
    return np.frombuffer(cursor.take(dtype.itemsize * prod(shape)), dtype).reshape(shape)


def _name(cursor: _Cursor, index: int) -> str:
    try:
        return bytes(cursor.take(cursor.number("Q"))).decode()
    except UnicodeDecodeError:
        raise DamagedError(f"the name of tensor {index + 1} is not text") from None


def bfloat16_to_float32(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The values whose upper halves as float32 are ``bits``; exact."""
    return (bits.astype("<u4") << 16).view("<f4")


def write_params(path: Path, tensors: Tensors) -> None:
    """Write ``tensors`` (float32) as MXNet 1.9.1 does.

    Raises:
        CheckpointError: CKP01 if the file cannot be written.
    """
    parts = [struct.pack("<QQQ", LIST_MAGIC, 0, len(tensors))]
    for array in tensors.values():
        header = struct.pack(f"<Iii{array.ndim}q", MAGIC_V2, DENSE, array.ndim, *array.shape)
        parts += [header, struct.pack("<iii", CPU, 0, 0), np.ascontiguousarray(array, "<f4").tobytes()]
    parts.append(struct.pack("<Q", len(tensors)))
    for name in tensors:
        parts += [struct.pack("<Q", len(name.encode())), name.encode()]
    try:
        path.write_bytes(b"".join(parts))
    except OSError as error:
        raise CheckpointError("CKP01", str(path), f"cannot be written: {error.strerror}") from None
