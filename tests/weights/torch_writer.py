"""Writes ``.pth`` files as PyTorch does, without PyTorch: with Python's pickler and stand-ins."""

import io
import pickle
import struct
import sys
import types
import zipfile
from collections import OrderedDict

import numpy as np

STORAGES = {
    "float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage",
    "int64": "LongStorage", "int32": "IntStorage", "uint8": "ByteStorage", "bool": "BoolStorage",
}  # fmt: skip


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("never called")


_rebuild_tensor_v2.__module__ = "torch._utils"
_rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"


class _Storage:
    def __init__(self, key, array):
        self.key, self.array = key, array


class _Tensor:
    def __init__(self, storage):
        self.storage = storage

    def __reduce__(self):
        array = self.storage.array
        strides = tuple(stride // array.itemsize for stride in array.strides)
        return _rebuild_tensor_v2, (self.storage, 0, array.shape, strides, False, OrderedDict())


def _with_torch_names(action):
    torch, inner = types.ModuleType("torch"), types.ModuleType("torch._utils")
    inner._rebuild_tensor_v2, torch._utils = _rebuild_tensor_v2, inner
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    before = {name: sys.modules.get(name) for name in ("torch", "torch._utils")}
    sys.modules.update({"torch": torch, "torch._utils": inner})
    try:
        return action(torch)
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def pickled(value, arrays, protocol=2, is_legacy=False):
    """The pickle of ``value``, in which arrays are tensors; their storages are added to ``arrays``."""

    def convert(item):
        if isinstance(item, np.ndarray):
            arrays.append(np.ascontiguousarray(item))
            return _Tensor(_Storage(str(len(arrays) - 1), arrays[-1]))
        if isinstance(item, dict):
            return type(item)((key, convert(inner)) for key, inner in item.items())
        return item

    def write(torch):
        class Pickler(pickle.Pickler):
            def persistent_id(self, item):
                if not isinstance(item, _Storage):
                    return None
                kind = getattr(torch, STORAGES[item.array.dtype.name])
                return ("storage", kind, item.key, "cpu", item.array.size) + ((None,) if is_legacy else ())

        stream = io.BytesIO()
        Pickler(stream, protocol).dump(convert(value))
        return stream.getvalue()

    return _with_torch_names(write)


def torch_zip(value, protocol=2):
    """The bytes of a ``.pth`` file of today; ``value`` is a (nested) dictionary of arrays."""
    arrays = []
    program = pickled(value, arrays, protocol)
    return zip_around(program, {f"data/{key}": array.tobytes() for key, array in enumerate(arrays)})


def zip_around(program, members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("archive/data.pkl", program)
        archive.writestr("archive/byteorder", b"little")
        for name, raw in members.items():
            archive.writestr(f"archive/{name}", raw)
        archive.writestr("archive/version", b"3\n")
    return stream.getvalue()


def torch_legacy(value):
    """The bytes of a ``.pth`` file as PyTorch wrote them before version 1.6."""
    arrays = []
    program = pickled(value, arrays, is_legacy=True)
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    head = [pickle.dumps(item, 2) for item in (0x1950A86A20F9469CFC6C, 1001, system)]
    keys = pickle.dumps([str(key) for key in range(len(arrays))], 2)
    storages = [struct.pack("<q", array.size) + array.tobytes() for array in arrays]
    return b"".join([*head, program, keys, *storages])
