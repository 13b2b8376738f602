"""Position embeddings of another image size, by timm's rule: bicubic, antialiased; what tokens have stays."""

from __future__ import annotations

from math import isqrt
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

NAME = "pos_embed"
CUBIC = -0.5
"""Keys 1981's parameter a, as Pillow and PyTorch have it where they antialias."""


def is_resampled(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    """Whether the tensor ``name`` embeds as many tokens, and places on a square grid, but another one."""
    if name.rpartition(".")[2] != NAME or len(found) != 3 or len(wanted) != 3 or found == wanted:
        return False
    return found[::2] == wanted[::2] and _tokens_before(found[1], wanted[1]) is not None


def _tokens_before(*lengths: int) -> Optional[int]:
    """Tokens before the grid: that of the class, perhaps one that learns from a teacher; None if none fit."""
    grids = {tokens: [length - tokens for length in lengths] for tokens in (1, 2)}
    return next(
        (tokens for tokens, sizes in grids.items() if all(n > 0 and isqrt(n) ** 2 == n for n in sizes)), None
    )


def resample(embedding: NDArray[Any], places: int) -> NDArray[np.float32]:
    """``embedding`` (1, tokens + n * n, width) for a grid of another size, so that there are ``places``."""
    tokens = _tokens_before(embedding.shape[1], places)
    assert tokens is not None, "`is_resampled` has seen to it"
    before, after = isqrt(embedding.shape[1] - tokens), isqrt(places - tokens)
    grid = embedding[0, tokens:].reshape(before, before, -1).astype(np.float64)
    rows = _weights(before, after)
    resized = np.einsum("ay,bx,yxc->abc", rows, rows, grid).reshape(places - tokens, -1)
    return np.asarray(np.concatenate([embedding[0, :tokens], resized])[None], np.float32)


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
