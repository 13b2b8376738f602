"""Position embeddings of another image size, by timm's rule: bicubic, antialiased; the class token stays."""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

NAME = "pos_embed"
CUBIC = -0.5
"""Keys 1981's parameter a, as Pillow and PyTorch have it where they antialias."""


def is_resampled(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the tensor ``name`` embeds a class token and places on a square grid, but another one."""
    if name.rpartition(".")[2] != NAME or len(found) != 3 or len(wanted) != 3 or found == wanted:
        return False
    is_square = all(shape[1] > 1 and isqrt(shape[1] - 1) ** 2 == shape[1] - 1 for shape in (found, wanted))
    return is_square and found[::2] == wanted[::2]


def resample(embedding: NDArray[Any], tokens: int) -> NDArray[np.float32]:
    """``embedding`` (1, 1 + n * n, width) for a grid of another size, so that there are ``tokens`` in all."""
    before, after = isqrt(embedding.shape[1] - 1), isqrt(tokens - 1)
    grid = embedding[0, 1:].reshape(before, before, -1).astype(np.float64)
    rows = _weights(before, after)
    resized = np.einsum("ay,bx,yxc->abc", rows, rows, grid).reshape(tokens - 1, -1)
    return np.asarray(np.concatenate([embedding[0, :1], resized])[None], np.float32)


def _weights(before: int, after: int) -> NDArray[np.float64]:
    """How much each of ``before`` places counts for each of ``after``, (after, before)."""
    stretch = max(before / after, 1.0)  # of the filter, where the grid shrinks
    centres = (np.arange(after) + 0.5) * before / after
    weights = _cubic((np.arange(before) + 0.5 - centres[:, None]) / stretch)
    return np.asarray(weights / weights.sum(1, keepdims=True))


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keys 1981, equation 4: one at 0, zero at the other integers and from 2 on."""
    x = np.abs(distance)
    near = ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1
    far = CUBIC * (((x - 5) * x + 8) * x - 4)
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
