"""What is read off an augmented image, the same for every side; NumPy only, as peers live elsewhere."""

from __future__ import annotations

import colorsys
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Draws = dict[str, NDArray[Any]]

COLOUR = (200, 100, 50)
DARK = (100, 50, 25)  # three factors of 1.4 leave it below 255
HEIGHT, WIDTH = 375, 500
PANORAMA = (100, 600)  # as high as wide crops fit in one of ten tries seldom enough to show what comes after


def pixel(values: tuple[int, int, int] = COLOUR) -> NDArray[np.uint8]:
    """An image of one pixel: (1, 1, 3)."""
    return np.array([[values]], np.uint8)


def two_grays() -> NDArray[np.uint8]:
    """An image of two gray pixels, 150 and 50, with a mean of 100: (1, 2, 3)."""
    return np.repeat(np.array([[[150], [50]]], np.uint8), 3, axis=2)


def picture(side: int = 96) -> NDArray[np.uint8]:
    """Smooth waves of all brightnesses with a little noise, as photographs have: (side, side, 3)."""
    random = np.random.RandomState(7)
    rows, columns = np.mgrid[:side, :side] / side
    waves = np.zeros((side, side, 3))
    for frequency in (1, 2, 4, 8):
        for channel in range(3):
            across, down = random.uniform(-frequency, frequency, 2)
            phase = random.uniform(0, 2 * np.pi)
            waves[:, :, channel] += np.sin(2 * np.pi * (across * columns + down * rows) + phase) / frequency
    noisy = 120 + 55 * waves + random.normal(0, 4, waves.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def turn(image: NDArray[Any]) -> float:
    """How far the hue of the first pixel is from that of COLOUR, as a part of the circle, -0.5 to 0.5."""
    now, was = (colorsys.rgb_to_hsv(*(float(v) for v in colour))[0] for colour in (image[0, 0], COLOUR))
    return (now - was + 0.5) % 1 - 0.5


def colourfulness(images: NDArray[Any]) -> NDArray[Any]:
    """Factor on the distance of red from the gray of COLOUR, of each first pixel of ``images``."""
    gray = float(np.dot(COLOUR, [0.299, 0.587, 0.114]))
    return np.asarray((images[:, 0, 0, 0] - gray) / (COLOUR[0] - gray))


def covered(is_covered: NDArray[np.bool_]) -> tuple[float, float]:
    """The part of an image (height, width) that a rectangle covers, and the logarithm of height / width."""
    rows, columns = is_covered.any(axis=1).sum(), is_covered.any(axis=0).sum()
    return float(is_covered.mean()), float(np.log(rows / columns)) if rows else 0.0


def change(image: NDArray[Any]) -> float:
    """Mean absolute difference to the picture, in whole levels: operations are few, and differ by parts."""
    return float(np.rint(np.abs(image.astype(float) - picture(image.shape[0])).mean()))


def crop(top: float, left: float, height: float, width: float) -> tuple[float, float, float]:
    """Area of a rectangle, the logarithm of width / height, and where it lies among all places, 0 to 1."""
    free = HEIGHT - height
    return (
        height * width / (HEIGHT * WIDTH),
        float(np.log(width / height)),
        (top + 0.5) / (free + 1),
    )


def save(draws: Draws) -> None:
    """Write ``draws`` to the file that the command line names, with what they were made with."""
    np.savez(Path(sys.argv[1]), **{name: np.asarray(values) for name, values in draws.items()})


def count() -> int:
    """Draws of each kind, from the command line."""
    return int(sys.argv[2])
