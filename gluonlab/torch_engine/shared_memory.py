"""The memory of MXNet's arrays on the CPU as PyTorch's tensors, and back: nothing is copied (DLPack)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gluonlab.runtime.mxnet import nd

_CPU = (1, 0)
"""DLPack's name of the device."""


def tensor_of(array: Any) -> Tensor:
    """A tensor over the memory of ``array``; waits for what is being written into it.

    MXNet knows nothing of the tensor: who writes must have waited for MXNet's readers (`nd.waitall`), and no
    forward pass of MXNet may touch the array, for that may put it in another order in memory.
    """
    return torch.from_dlpack(_Capsule(array))


def array_of(tensor: Tensor) -> Any:
    """An array over the memory of ``tensor``, which lives as long as the array does."""
    return nd.from_dlpack(torch.utils.dlpack.to_dlpack(tensor.detach().contiguous()))


class _Capsule:
    """PyTorch asks for the device before it takes the capsule, MXNet has the capsule alone."""

    def __init__(self, array: Any) -> None:
        self._array = array

    def __dlpack__(self, **_: Any) -> Any:
        return nd.to_dlpack_for_write(self._array)

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU
