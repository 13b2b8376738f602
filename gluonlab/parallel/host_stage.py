"""Arrays of a GPU, laid end to end in one buffer on the host: for a Horovod that cannot read GPU memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gluonlab.runtime.mxnet import mx, nd


class HostStage:
    """A buffer on the host for ``arrays``, which are of one type and stay the same ones.

    ``buffer`` is in pinned memory if the arrays are on a GPU, so that copies run beside other work.
    """

    def __init__(self, arrays: Sequence[Any]) -> None:
        self._arrays = list(arrays)
        ctx = arrays[0].context
        host = mx.cpu_pinned(ctx.device_id) if ctx.device_type == "gpu" else mx.cpu()
        self.buffer = nd.empty((sum(array.size for array in arrays),), host, arrays[0].dtype)
        self._parts, start = [], 0
        for array in arrays:
            self._parts.append(self.buffer[start : start + array.size].reshape(array.shape))
            start += array.size

    def fetch(self) -> None:
        """Copy the arrays into the buffer; does not wait."""
        for array, part in zip(self._arrays, self._parts):
            array.copyto(part)

    def put_back(self) -> None:
        """Copy the buffer into the arrays; does not wait."""
        for array, part in zip(self._arrays, self._parts):
            part.copyto(array)


def stages_by_type(arrays: Sequence[Any]) -> list[HostStage]:
    """A buffer for the ``arrays`` of each type, in the order in which the types come."""
    types = dict.fromkeys(array.dtype for array in arrays)
    return [HostStage([array for array in arrays if array.dtype == dtype]) for dtype in types]
