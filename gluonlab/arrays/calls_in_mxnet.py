"""How many arrays one call of MXNet may have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

MAX_TENSORS_PER_CALL = 60
"""MXNet's multi-tensor operators write beyond their arrays from 61 tensors on."""


def parameters_per_call(arrays: Sequence[Any]) -> int:
    """How many tensors an operator should be given at once on the device of ``arrays``."""
    return 1 if arrays[0].context.device_type == "cpu" else MAX_TENSORS_PER_CALL


def chunks(arrays: Sequence[Any]) -> Iterator[slice]:
    """Consecutive places of ``arrays`` that may share a call."""
    size = parameters_per_call(arrays)
    for first in range(0, len(arrays), size):
        yield slice(first, min(first + size, len(arrays)))
