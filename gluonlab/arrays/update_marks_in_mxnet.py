"""Which update MXNet has carried out, told without waiting for it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.runtime.mxnet import mx, nd

_CPU = (ctypes.c_int * 2)(1, 0)  # a Context of MXNet: kind and number of the device
# What the engine calls once all arrays of an order are free: it takes no argument and minds none.
_NOTHING = ctypes.cast(ctypes.CDLL(None).getppid, ctypes.c_void_p)


class UpdateMarks:
    """Counts the beginnings and ends of updates, on the device, in the order in which it works.

    While the number is even nobody changes what updates change, so that a reader who sees the same one
    before and after it copies has a whole state (a seqlock). Nobody waits for the reader, nor the reader for
    a device that waits for a sum that never comes.
    """

    def __init__(self) -> None:
        self._count = [nd.zeros((1,), dtype="int32")]
        nd.waitall()
        self._passed = memory_of(self._count[0])
        self._handles: dict[int, tuple[Sequence[Any], Any]] = {}

    def begin(self, sums: Sequence[Any]) -> None:
        """An update begins when all ``sums`` are there, and uses none before; the same list each time."""
        self._order(sums, self._count)
        self._count[0] += 1
        self._order(self._count, sums)

    def end(self, changed: Sequence[Any]) -> None:
        """It is finished when all that was asked of ``changed`` so far is done; who reads them comes after.

        So nobody hears of a sum that failed before every part of its update has been left out.
        """
        self._order(self._count, changed)
        self._count[0] += 1

    def finished(self) -> Optional[int]:
        """How many updates are finished; None while one is under way."""
        finished, is_under_way = divmod(int(self._passed[0]), 2)
        return None if is_under_way else finished

    def _order(self, first: Sequence[Any], second: Sequence[Any]) -> None:
        """What is asked of any of these arrays from here on comes after all that was asked until here.

        Only reading ``first`` need not wait.
        """
        mx.base.check_call(
            mx.base._LIB.MXEnginePushSyncND(
                _NOTHING, None, None, ctypes.byref(_CPU),
                self._handles_of(first), ctypes.c_int(len(first)),
                self._handles_of(second), ctypes.c_int(len(second)),
                None, ctypes.c_int(0), b"update mark",
            )
        )  # fmt: skip

    def _handles_of(self, arrays: Sequence[Any]) -> Any:
        if id(arrays) not in self._handles:
            handles = (mx.base.NDArrayHandle * len(arrays))(*[array.handle for array in arrays])
            self._handles[id(arrays)] = arrays, handles
        return self._handles[id(arrays)][1]


def memory_of(array: Any) -> NDArray[Any]:
    """The memory of ``array`` on the host, without waiting for what was asked of it.

    Waits only for oneDNN's own order of elements to be undone, in which prediction leaves weights.
    """
    address = ctypes.c_void_p()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(array.handle, ctypes.byref(address)))
    dtype = np.dtype(array.dtype)
    memory = (ctypes.c_char * (array.size * dtype.itemsize)).from_address(address.value or 0)
    return np.frombuffer(memory, dtype).reshape(array.shape)
