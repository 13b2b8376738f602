"""Weights as matrices, whose two sides have square matrices of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

SIDES = ("left", "right")


def sides_of(shape: Sequence[int], max_side: int) -> dict[str, int]:
    """The lengths of those sides of a parameter that are not longer than ``max_side``; none of a vector.

    Filters (out, in, height, width) are the matrix (out, in * height * width).
    """
    if len(shape) < 2:
        return {}
    lengths = dict(zip(SIDES, (shape[0], math.prod(shape[1:]))))
    return {side: length for side, length in lengths.items() if length <= max_side}


def as_matrix(array: Any) -> Any:
    """A view of ``array`` as such a matrix; a vector is a row."""
    return array.reshape((array.shape[0], -1)) if array.ndim > 1 else array.reshape((1, -1))
