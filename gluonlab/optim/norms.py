"""Sums of squares of weights and gradients, right however large they are; nothing waits for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from gluonlab import arrays as libraries
from gluonlab.arrays.protocols import Norms


class SquaredNorms:
    """Sum of squares of each array, (n,), on their device; fastest for the same arrays each time."""

    def __init__(self) -> None:
        self._norms: Optional[Norms] = None

    def __call__(self, arrays: Sequence[Any]) -> Any:
        """The sums (n,) of ``arrays``, of any shapes and types; does not wait."""
        self._norms = self._norms or libraries.of(arrays[0]).norms()
        return self._norms(arrays)
