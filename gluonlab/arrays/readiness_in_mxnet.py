"""A call back when an array of MXNet is computed, without a wait."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable
from typing import Any

from gluonlab.runtime.mxnet import mx

_PRIORITIZED = 3
"""`FnProperty::kCPUPrioritized`: in threads of their own; others must not wait for the interpreter."""


class _Context(ctypes.Structure):
    _fields_ = [("device_type", ctypes.c_int), ("device_id", ctypes.c_int32)]


_CPU = _Context(1, 0)
_waiting: dict[int, Callable[[], None]] = {}
_numbers = itertools.count(1)


def _act(run_context: Any, number: int) -> None:
    _waiting.pop(number)()


_call_back = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)(_act)


def call_when_ready(array: Any, action: Callable[[], None]) -> None:
    """Have the engine call ``action`` when ``array`` is what was asked for until now.

    What is to change ``array`` later waits for that; ``action`` must be short and raise nothing.
    """
    number = next(_numbers)
    _waiting[number] = action
    reads = (ctypes.c_void_p * 1)(array.handle)
    mx.base.check_call(
        mx.base._LIB.MXEnginePushSyncND(
            _call_back, ctypes.c_void_p(number), None, ctypes.byref(_CPU), reads, 1, None, 0,
            ctypes.byref(ctypes.c_int(_PRIORITIZED)), 0, b"call_when_ready",
        )
    )  # fmt: skip
