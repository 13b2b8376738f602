"""Sums of squares of weights and gradients, right however large they are; nothing waits for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gluonlab.arrays import calls_in_mxnet
from gluonlab.arrays.calls_in_mxnet import chunks
from gluonlab.runtime.mxnet import gluon, nd

PART = 1 << 17
"""Elements of one dot product on the CPU; of 1e8 squares it would be 0.8 % too small.

Sums of values that differ are right to 1e-6 of float64. Equal values, whose squares all round alike, may be
off by 3e-5.
"""


class SumsOfSquares:
    """Sum of squares of each array, float32 (n,), on their device; fastest for the same arrays each time.

    On the CPU dot products of parts are added up: MXNet's own operators add up in one float32 and are 0.2 %
    off at two million elements.
    """

    def __init__(self) -> None:
        self._arrays: list[Any] = []
        self._parts: list[Any] = []
        self._sums: Any = None

    def __call__(self, arrays: Sequence[Any]) -> Any:
        """The sums (n,) of ``arrays``, of any shapes and types; does not wait."""
        if calls_in_mxnet.parameters_per_call(arrays) > 1:
            calls = [arrays[place] for place in chunks(arrays)]
            return nd.concat(*(nd.multi_sum_sq(*call, num_arrays=len(call)) for call in calls), dim=0)
        if not self._is_of(arrays):
            self._arrays = list(arrays)
            flat = [array.reshape(-1).astype("float32", copy=False) for array in arrays]
            parts = [list(_parts(one)) for one in flat]
            self._parts = [part for of_array in parts for part in of_array]
            self._sums = _Together([len(of_array) for of_array in parts])
            self._sums.hybridize()
        return self._sums(*self._parts)

    def _is_of(self, arrays: Sequence[Any]) -> bool:
        """Whether the parts are those of ``arrays``: views, which copies in another type are not."""
        pairs = zip(arrays, self._arrays)
        return len(arrays) == len(self._arrays) and all(a is b and a.dtype == np.float32 for a, b in pairs)


def _parts(flat: Any) -> Iterator[Any]:
    for first in range(0, max(flat.size, 1), PART):
        yield flat if flat.size <= PART else flat[first : first + PART]


class _Together(gluon.HybridBlock):
    """One call for all parts: hundreds from Python would cost as much as their arithmetic."""

    def __init__(self, counts: Sequence[int]) -> None:
        super().__init__()
        self._counts = counts

    def hybrid_forward(self, F: Any, first: Any, *rest: Any) -> Any:
        """Parts (m,) of as many arrays as there are counts, to sums (n,)."""
        parts, sums = iter((first, *rest)), []
        for count in self._counts:
            squares = [F.dot(part, part) for part in (next(parts) for _ in range(count))]
            sums.append(squares[0] if count == 1 else F.sum(F.concat(*squares, dim=0), keepdims=True))
        return F.concat(*sums, dim=0)
