"""The pickles inside PyTorch's ``.pth`` files, read by a small interpreter that runs no code.

A pickle is a program for a stack machine; Python's own reader may import and call anything that it names.
This one knows the opcodes that build numbers, text, tuples, lists and dictionaries, and the few names
that a dictionary of tensors needs. Plain values of other kinds (`plain_values`) are passed over without being
made. Anything else is refused, before anything is done with it.

`pickle.Unpickler` with a ``find_class`` that knows the same names would be a third as long. It refuses names
and not opcodes: one that numbers its memo beyond all bounds takes that much memory, keys of nested tuples are
hashed without bound, and attributes are set on whatever a name returns. Here nothing is made that is larger
than the file, each opcode is known, and an error says at which byte it stands.
"""

from __future__ import annotations

import pickletools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

from gluonlab.weights.mxnet_params import MAX_DIMENSIONS, DamagedError
from gluonlab.weights.plain_values import PLAIN_NAMES, Skipped

STORAGE_DTYPES = {
    "torch FloatStorage": "<f4",
    "torch DoubleStorage": "<f8",
    "torch HalfStorage": "<f2",
    "torch BFloat16Storage": "bfloat16",
    "torch ByteStorage": "|u1",
    "torch CharStorage": "|i1",
    "torch ShortStorage": "<i2",
    "torch IntStorage": "<i4",
    "torch LongStorage": "<i8",
    "torch BoolStorage": "|b1",
}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_SET": Skipped,
}  # fmt: skip
LITERALS = {
    "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING",
    "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT",
    "SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
LARGEST_SIZE = 2**48


class RefusedError(DamagedError):
    """A pickle asks for something that a file of tensors has no need of."""


@dataclass(frozen=True)
class Name:
    """A name that the pickle refers to, such as ``torch._utils _rebuild_tensor_v2``; never looked up."""

    name: str


@dataclass(frozen=True)
class Storage:
    """``elements`` numbers of type ``dtype`` under ``key``, elsewhere in the file."""

    key: str
    dtype: str
    elements: int


@dataclass(frozen=True)
class StoredTensor:
    """A tensor as a part of a storage: ``offset`` and ``strides`` in elements, checked to lie within."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


KEY_TYPES = (str, int, float, bool, bytes, type(None), Skipped, Name)


def parse_pickle(stream: BinaryIO) -> tuple[Any, dict[str, Storage]]:
    """What the pickle at the front of ``stream`` builds, and all storages it refers to, by key.

    Leaves the stream after it.

    Raises:
        RefusedError: an opcode, or a name, that is not on the lists above.
        DamagedError: anything else that is wrong with it.
    """
    machine = _Machine()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in arguments of opcodes that are refused below
            for opcode, argument, position in pickletools.genops(stream):
                if opcode.name == "STOP":
                    return machine.pop(), machine.storages
                machine.step(opcode.name, argument, position or 0)
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise DamagedError(f"damaged pickle: {error}") from None
    raise DamagedError("damaged pickle: it has no end")


class _Machine:
    """Stack, marks in it, and memo."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = {}

    def step(self, opcode: str, argument: Any, position: int) -> None:
        """Do what one opcode says."""
        if opcode in CONSTANTS:
            self._stack.append(CONSTANTS[opcode])
        elif opcode in EMPTY:
            self._stack.append(EMPTY[opcode]())
        elif opcode in LITERALS:
            self._stack.append(argument)
        elif opcode in TUPLES:
            self._stack.append(tuple([self.pop() for _ in range(TUPLES[opcode])][::-1]))
        elif opcode in ("BINPUT", "LONG_BINPUT"):
            self._memo[argument] = self._top()
        elif opcode in ("BINGET", "LONG_BINGET"):
            self._stack.append(self._memo[argument])
        elif opcode in ("GLOBAL", "STACK_GLOBAL"):
            self._stack.append(_known_name(argument or self._module_and_name(), position))
        elif opcode not in ("PROTO", "FRAME"):
            action = self._actions().get(opcode)
            if action is None:
                raise RefusedError(f"the pickle opcode {opcode} at byte {position} is refused")
            action()

    def _actions(self) -> dict[str, Callable[[], None]]:
        return {
            "MARK": lambda: self._marks.append(len(self._stack)),
            "MEMOIZE": lambda: self._memo.update({len(self._memo): self._top()}),
            "TUPLE": lambda: self._stack.append(tuple(self._pop_to_mark())),
            "APPEND": lambda: self._append([self.pop()]),
            "APPENDS": lambda: self._append(self._pop_to_mark()),
            "SETITEM": lambda: self._set_items([self.pop(), self.pop()][::-1]),
            "SETITEMS": lambda: self._set_items(self._pop_to_mark()),
            "BINPERSID": self._refer_to_storage,
            "ADDITEMS": lambda: self._append(self._pop_to_mark()),
            "FROZENSET": self._skip_frozen_set,
            "REDUCE": self._call,
            "NEWOBJ": self._call,
            "NEWOBJ_EX": self._call_with_keywords,
            "BUILD": self._forget_attributes,
        }

    def pop(self) -> Any:
        """Take the top of the stack, which must lie above the last mark."""
        self._top()
        return self._stack.pop()

    def _top(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise DamagedError("damaged pickle: its stack is empty")
        return self._stack[-1]

    def _pop_to_mark(self) -> list[Any]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _append(self, items: list[Any]) -> None:
        if isinstance(self._top(), Skipped):
            return
        if type(self._top()) is not list:
            raise DamagedError("damaged pickle: it appends to something that is no list")
        self._top().extend(items)

    def _set_items(self, items: list[Any]) -> None:
        keys, values = items[::2], items[1::2]
        if isinstance(self._top(), Skipped):
            return
        if type(self._top()) is not dict or len(keys) != len(values):
            raise DamagedError("damaged pickle: it sets items of something that is no dictionary")
        self._top().update(_dictionary([*zip(keys, values)]))

    def _skip_frozen_set(self) -> None:
        self._pop_to_mark()
        self._stack.append(Skipped())

    def _module_and_name(self) -> str:
        name, module = self.pop(), self.pop()
        return f"{module} {name}" if isinstance(name, str) and isinstance(module, str) else "?"

    def _refer_to_storage(self) -> None:
        storage = _storage(self.pop())
        if self.storages.setdefault(storage.key, storage) != storage:
            raise DamagedError(f"damaged pickle: two storages are called {storage.key[:80]}")
        self._stack.append(storage)

    def _call(self) -> None:
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Name) or not isinstance(arguments, tuple):
            raise RefusedError("the pickle calls something that is not a name")
        if function.name in PLAIN_NAMES:
            self._stack.append(Skipped())
        elif function.name in FUNCTIONS:
            self._stack.append(FUNCTIONS[function.name](*arguments))
        else:
            raise RefusedError(f"the pickle calls {function.name}")

    def _call_with_keywords(self) -> None:
        self.pop()
        self._call()

    def _forget_attributes(self) -> None:
        """Versions of layers, hooks of parameters, what is in a skipped value: nothing here needs them."""
        self.pop()
        if type(self._top()) is not dict and not isinstance(self._top(), (StoredTensor, Skipped)):
            raise RefusedError("the pickle sets attributes of something that is no dictionary")


def _known_name(name: str, position: int) -> Name:
    if name not in FUNCTIONS and name not in STORAGE_DTYPES and name not in PLAIN_NAMES:
        shown = ".".join(name.split(" ", 1))[:80]
        raise RefusedError(f"the pickle refers to {shown} at byte {position}, which is refused")
    return Name(name)


def _dictionary(items: Any = ()) -> dict[Any, Any]:
    """Of pairs, as Python 2 pickles an `OrderedDict`. Keys are no deep tuples, whose hashing has no bound."""
    if not isinstance(items, (list, tuple)) or not all(type(item) in (list, tuple) for item in items):
        raise DamagedError("damaged pickle: it makes a dictionary from something that is no list of pairs")
    made = {}
    for key, value in items:
        if not all(type(part) in KEY_TYPES for part in (key if type(key) is tuple else (key,))):
            raise DamagedError("damaged pickle: a key is neither text nor a number")
        made[key] = value
    return made


def _storage(identity: Any) -> Storage:
    kind, storage_type, key, _location, elements, *view = identity
    if kind != "storage" or not isinstance(storage_type, Name) or storage_type.name not in STORAGE_DTYPES:
        raise RefusedError("the pickle refers to something that is no storage of numbers")
    if any(part is not None for part in view):
        raise RefusedError("the pickle refers to a view of a storage")
    if type(key) is not str or not _is_size(elements):
        raise DamagedError("damaged pickle: bad storage")
    return Storage(key, STORAGE_DTYPES[storage_type.name], elements)


def _tensor(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> StoredTensor:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise DamagedError("damaged pickle: bad tensor")
    sizes = (offset, *shape, *strides)
    if len(shape) != len(strides) or len(shape) > MAX_DIMENSIONS or not all(map(_is_size, sizes)):
        raise DamagedError(f"damaged pickle: a tensor of shape {str(shape)[:80]}")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if 0 in shape or last >= storage.elements or prod(shape) > storage.elements:
        raise DamagedError(f"damaged pickle: a tensor of shape {shape} does not lie within its storage")
    return StoredTensor(storage, offset, shape, strides)


def _parameter(data: Any, *_: Any) -> Any:
    return data


def _size(sizes: Any) -> tuple[Any, ...]:
    return tuple(sizes)


def _typed_tensor(function: Any, _kind: Any, arguments: Any, *_: Any) -> StoredTensor:
    """A tensor with attributes of its own, which are dropped."""
    if not isinstance(function, Name) or FUNCTIONS.get(function.name) is not _tensor:
        raise RefusedError("the pickle makes a tensor in an unknown way")
    return _tensor(*arguments)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST_SIZE


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": _dictionary,
    "torch._utils _rebuild_tensor": _tensor,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_parameter": _parameter,
    "torch._utils _rebuild_parameter_with_state": _parameter,
    "torch._tensor _rebuild_from_type_v2": _typed_tensor,
    "torch.nn.parameter Parameter": _parameter,
    "torch Size": _size,
}
"""What may be called, and what is done instead."""
