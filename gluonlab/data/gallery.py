"""A picture of what the network sees."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import with_channels
from gluonlab.data.decode import read_view
from gluonlab.data.randomness import permutation, uniforms
from gluonlab.data.source import Source

_GAP = 2
_SMALLEST_TILE = 96  # digits of 8 x 8 would not be seen


def draw_gallery(
    source: Source, plain: Augmentation, augmentation: Augmentation, *, seed: int, rows: int, columns: int
) -> NDArray[np.uint8]:
    """A grid (height, width, 3) RGB: in each row one sample, first ``plain``, then augmented in each epoch.

    The samples are the first of the first epoch, the augmentations those that training draws.
    """
    samples = permutation(seed, 0, len(source))[:rows]
    lines = []
    for index in samples.tolist():
        epochs = np.arange(columns, dtype=np.int64)
        numbers = uniforms(seed, epochs, np.full(columns, index, np.int64), augmentation.num_draws)
        tiles = [_tile(read_view(source, index, plain, np.empty(0)))]
        for draws in numbers:
            image = augmentation.change(read_view(source, index, augmentation, draws), draws)
            tiles.append(_tile(image))
        lines.append(_join(tiles, axis=1))
    return _join(lines, axis=0)


def _tile(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = -(-_SMALLEST_TILE // image.shape[0])
    tile = np.array(with_channels(image, 3))
    return np.repeat(np.repeat(tile, factor, axis=0), factor, axis=1)


def _join(parts: list[NDArray[np.uint8]], axis: int) -> NDArray[np.uint8]:
    width = [(0, 0)] * 3
    width[axis] = (0, _GAP)
    padded = [np.pad(part, width, constant_values=255) for part in parts[:-1]]
    return np.concatenate([*padded, parts[-1]], axis=axis)


def encode_picture(image: NDArray[np.uint8]) -> bytes:
    """(height, width, 3) RGB as PNG."""
    _, encoded = cv2.imencode(".png", image[:, :, ::-1])
    return encoded.tobytes()
