"""Writes ``.pth`` files as PyTorch does, without PyTorch: with Python's pickler and stand-ins."""

import copyreg
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


STYLES = ("tensor_v2", "tensor", "parameter", "called_parameter", "parameter_v2", "typed")
"""How PyTorch pickled what a state dict holds: today, before 0.4, and what else there was."""


def _stand_in(module, name):
    def never(*arguments):
        raise AssertionError("never called")

    never.__module__, never.__qualname__ = module, name
    return never


class Parameter:
    """As PyTorch before 0.4 pickled it: made of a tensor, then given its state."""

    def __new__(cls, tensor=None):
        made = object.__new__(cls)
        made.tensor = tensor
        return made

    def __reduce_ex__(self, _):
        state = (True, False, OrderedDict())
        if self.tensor.style == "called_parameter":
            return Parameter, (self.tensor,), state
        return copyreg.__newobj__, (Parameter, self.tensor), state


Parameter.__module__, Parameter.__qualname__ = "torch.nn.parameter", "Parameter"

STAND_INS = {
    "torch._utils": {
        name: _stand_in("torch._utils", name)
        for name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_parameter")
    },
    "torch._tensor": {"_rebuild_from_type_v2": _stand_in("torch._tensor", "_rebuild_from_type_v2")},
    "torch.nn": {},
    "torch.nn.parameter": {"Parameter": Parameter},
}


class Called:
    """Pickled as a call of ``function``."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class _Storage:
    def __init__(self, key, array):
        self.key, self.array = key, array


class _Tensor:
    def __init__(self, storage, style):
        self.storage, self.style = storage, style

    def __reduce__(self):
        array, utils = self.storage.array, STAND_INS["torch._utils"]
        strides = tuple(stride // array.itemsize for stride in array.strides)
        place = (self.storage, 0, array.shape, strides)
        if self.style in ("tensor", "parameter", "called_parameter"):
            return utils["_rebuild_tensor"], place
        whole = (*place, False, OrderedDict())
        if self.style == "typed":
            rebuild = STAND_INS["torch._tensor"]["_rebuild_from_type_v2"]
            return rebuild, (utils["_rebuild_tensor_v2"], Parameter, whole, {"note": 1})
        return utils["_rebuild_tensor_v2"], whole


def _as_saved(storage, style):
    tensor = _Tensor(storage, style)
    if style in ("parameter", "called_parameter"):
        return Parameter(tensor)
    if style == "parameter_v2":
        return Called(STAND_INS["torch._utils"]["_rebuild_parameter"], tensor, True, OrderedDict())
    return tensor


def _with_torch_names(action):
    modules = {name: types.ModuleType(name) for name in ("torch", *STAND_INS)}
    torch = modules["torch"]
    for name, parts in STAND_INS.items():
        vars(modules[name]).update(parts)
    for name in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        return action(torch)
    finally:
        for name, module in before.items():
            sys.modules.pop(name)
            if module is not None:
                sys.modules[name] = module


def pickled(value, arrays, protocol=2, is_legacy=False, style="tensor_v2"):
    """The pickle of ``value``, in which arrays are tensors; their storages are added to ``arrays``."""

    def convert(item):
        if isinstance(item, np.ndarray):
            arrays.append(np.ascontiguousarray(item))
            return _as_saved(_Storage(str(len(arrays) - 1), arrays[-1]), style)
        if type(item) in (dict, OrderedDict):
            converted = type(item)((key, convert(inner)) for key, inner in item.items())
            if type(item) is OrderedDict:
                vars(converted).update(vars(item))
            return converted
        if type(item) is list:
            return [convert(inner) for inner in item]
        if isinstance(item, Called):
            return Called(item.function, *map(convert, item.arguments))
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


def torch_zip(value, protocol=2, style="tensor_v2"):
    """The bytes of a ``.pth`` file of today; ``value`` is a (nested) dictionary of arrays."""
    arrays = []
    program = pickled(value, arrays, protocol, style=style)
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


def torch_legacy(value, style="tensor_v2"):
    """The bytes of a ``.pth`` file as PyTorch wrote them before version 1.6."""
    arrays = []
    program = pickled(value, arrays, is_legacy=True, style=style)
    system = {
        "protocol_version": 1001,
        "little_endian": True,
        "type_sizes": {"short": 2, "int": 4, "long": 4},
    }
    head = [pickle.dumps(item, 2) for item in (0x1950A86A20F9469CFC6C, 1001, system)]
    keys = pickle.dumps([str(key) for key in range(len(arrays))], 2)
    storages = [struct.pack("<q", array.size) + array.tobytes() for array in arrays]
    return b"".join([*head, program, keys, *storages])
