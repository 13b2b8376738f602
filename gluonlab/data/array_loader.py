"""Batches of arrays that lie in memory, as many for each sample as a task takes."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab import arrays as libraries
from gluonlab.data.loader import Batch
from gluonlab.data.sampler import PADDING, Request
from gluonlab.errors import DataError


class ArrayLoader:
    """``arrays`` (N, ...) of any shapes, sample by sample; padding is left out.

    Floating-point numbers become float32 on ``ctx``, all others int32.

    Raises:
        DataError: DAT01 no array, or no sample; DAT12 arrays of different lengths.
    """

    def __init__(self, *arrays: NDArray[Any], ctx: Any) -> None:
        lengths = [len(array) for array in arrays]
        if not lengths or not lengths[0]:
            raise DataError("DAT01", "arrays", "0 samples")
        if len(set(lengths)) > 1:
            counts = ", ".join(map(str, lengths))
            raise DataError("DAT12", "arrays", f"{counts} samples, which should be as many")
        self._arrays, self._ctx = arrays, ctx
        self._library = libraries.of(ctx)

    def __len__(self) -> int:
        return len(self._arrays[0])

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request."""
        for request in requests:
            indices = request.indices[request.indices != PADDING]
            yield tuple(self._on_device(array[indices]) for array in self._arrays)

    def statistics(self) -> dict[str, float]:
        """Nothing is decoded."""
        return {}

    def _on_device(self, values: NDArray[Any]) -> Any:
        kind = "float32" if np.issubdtype(values.dtype, np.floating) else "int32"
        return self._library.from_numpy(values, self._ctx, kind)
