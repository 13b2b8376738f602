"""PyTorch's ``.pth`` files, read without PyTorch: the zip format and the one before version 1.6."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from typing import Any, Optional

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from gluonlab.checkpoint.tensors import Tensors, first_five
from gluonlab.weights.mxnet_params import DamagedError, bfloat16_to_float32
from gluonlab.weights.tensor_pickle import Storage, StoredTensor, parse_pickle
from gluonlab.weights.which import Taken, Which, take

ZIP_START = b"PK\x03\x04"
LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_START = b"\x80\x02\x8a\x0a" + LEGACY_MAGIC.to_bytes(10, "little") + b"."
LEGACY_VERSION = 1001
LARGEST_PICKLE_BYTES = 64 << 20

ReadStorage = Callable[[Storage], NDArray[Any]]


def parse_torch(raw: bytes, which: Optional[Which] = None) -> tuple[Tensors, Taken]:
    """The tensors of a ``.pth`` file by name, those of ``which`` of the weights in it, and what was taken.

    Raises:
        DamagedError: with the tensor's name, where one is known.
        AbsentError: the file has no such weights.
    """
    return _parse_zip(raw, which) if raw.startswith(ZIP_START) else _parse_legacy(raw, which)


def _parse_zip(raw: bytes, which: Optional[Which]) -> tuple[Tensors, Taken]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = {info.filename: info for info in archive.infolist()}
            pickles = [name for name in members if name.split("/")[1:] == ["data.pkl"]]
            if len(pickles) != 1 or len(members) != len(archive.infolist()):
                raise DamagedError("is not a PyTorch file: it needs one data.pkl")
            folder = pickles[0].split("/")[0]
            if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()):
                raise DamagedError("has compressed parts, which PyTorch does not write")
            if sum(info.file_size for info in members.values()) > len(raw):
                raise DamagedError("has parts that overlap")
            if members[pickles[0]].file_size > LARGEST_PICKLE_BYTES:
                raise DamagedError("has a pickle that is too large")
            if f"{folder}/byteorder" in members and archive.read(f"{folder}/byteorder") != b"little":
                raise DamagedError("was written on a big-endian machine")
            value, _ = parse_pickle(io.BytesIO(archive.read(pickles[0])))

            def read_storage(storage: Storage) -> NDArray[Any]:
                return _numbers(archive.read(f"{folder}/data/{storage.key}"), storage)

            tensors, taken = _state_dict(value, which)
            return _materialise(tensors, read_storage), taken
    except _ZIP_ERRORS as error:
        raise DamagedError(f"damaged zip archive: {error}") from None


_ZIP_ERRORS = (
    zipfile.BadZipFile,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    IndexError,
    OverflowError,  # before Python 3.12
    struct.error,
)
"""What `zipfile` raises for damaged, encrypted and missing members."""


def _parse_legacy(raw: bytes, which: Optional[Which]) -> tuple[Tensors, Taken]:
    stream = io.BytesIO(raw)
    magic, version, system = (parse_pickle(stream)[0] for _ in range(3))
    if magic != LEGACY_MAGIC or version != LEGACY_VERSION or type(system) is not dict:
        raise DamagedError("is not a PyTorch file")
    if system.get("little_endian") is not True:
        raise DamagedError("was written on a big-endian machine")
    value, storages = parse_pickle(stream)
    keys, _ = parse_pickle(stream)
    if type(keys) is not list or not all(type(key) is str for key in keys) or set(keys) != set(storages):
        raise DamagedError("does not list its storages")
    arrays = {}
    for key in keys:
        (elements,) = struct.unpack("<q", _take(stream, 8, key))
        if elements != storages[key].elements:
            raise DamagedError(f"storage {key[:80]} has {elements} elements, its tensor says otherwise")
        arrays[key] = _numbers(_take(stream, elements * _item_bytes(storages[key]), key), storages[key])
    tensors, taken = _state_dict(value, which)
    return _materialise(tensors, lambda storage: arrays[storage.key]), taken


def _take(stream: io.BytesIO, count: int, key: str) -> bytes:
    raw = stream.read(count)
    if len(raw) != count:
        raise DamagedError(f"ends within storage {key[:80]}")
    return raw


def _state_dict(value: Any, which: Optional[Which]) -> tuple[Mapping[str, StoredTensor], Taken]:
    """The dictionary of tensors in ``value``, which may be one or hold several."""
    if type(value) is not dict:
        raise DamagedError("holds no dictionary of tensors")
    tensors, taken = take(value, which, lambda item: isinstance(item, StoredTensor))
    others = [str(name)[:80] for name, item in tensors.items() if not isinstance(item, StoredTensor)]
    if others or not tensors or not all(type(name) is str for name in tensors):
        raise DamagedError(f"holds entries that are no tensors{': ' if others else ''}{first_five(others)}")
    return tensors, taken


def _materialise(tensors: Mapping[str, StoredTensor], read_storage: ReadStorage) -> Tensors:
    storages: dict[Storage, NDArray[Any]] = {}
    arrays = {}
    for name, tensor in tensors.items():
        try:
            if tensor.storage not in storages:
                storages[tensor.storage] = read_storage(tensor.storage)
        except (DamagedError, *_ZIP_ERRORS) as error:
            raise DamagedError(f"tensor {name[:200]}: {error}") from None
        numbers = storages[tensor.storage]
        strides = tuple(stride * numbers.itemsize for stride in tensor.strides)
        arrays[name] = as_strided(numbers[tensor.offset :], tensor.shape, strides, writeable=False)
    return arrays


def _numbers(raw: bytes, storage: Storage) -> NDArray[Any]:
    if len(raw) != storage.elements * _item_bytes(storage):
        raise DamagedError(f"has {len(raw)} bytes for {storage.elements} elements of {storage.dtype}")
    if storage.dtype == "bfloat16":
        return bfloat16_to_float32(np.frombuffer(raw, "<u2"))
    return np.frombuffer(raw, storage.dtype)


def _item_bytes(storage: Storage) -> int:
    return 2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize
