"""RandAugment (Cubuk et al. 2020): a few operations drawn from a list, all at one strength.

Two lists are in use: that of the paper, at its scale of magnitudes from 0 to 30, which torchvision has too,
and the "increasing" one of timm, which ResNet strikes back (Wightman et al. 2021) was trained with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment.colour import brighten, saturate, stretch_contrast
from gluonlab.data.augment.operations import (
    auto_contrast,
    equalize,
    posterize,
    rotation,
    sharpen,
    solarize,
    solarize_add,
    warp,
)
from gluonlab.data.augment.views import Image
from gluonlab.data.randomness import normals

LARGEST_MAGNITUDE = 30
Operation = Callable[[Image, float, float], Image]
"""Of an image, the strength in [0, 1] and a sign of -1 or 1."""
Policy = Literal["paper", "timm"]

LARGEST_SHIFT = {"paper": 150 / 331, "timm": 0.45}
"""Of the image's width or height; the first is what torchvision has."""
PROBABILITY = {"paper": 1.0, "timm": 0.5}
"""That an operation which was drawn is carried out."""


@dataclass(frozen=True)
class RandAugment:
    """``count`` operations, each drawn with replacement, at ``magnitude`` 0 to 30.

    The paper's ResNet-50 on ImageNet: count 2, magnitude 9. ``spread`` is the standard deviation of the
    magnitude from operation to operation (0.5 of 10 in timm's recipes). ``fill`` is what comes in at the
    borders of moved images, one value for each channel.
    """

    count: int
    magnitude: float
    fill: tuple[float, ...]
    policy: Policy = "paper"
    spread: float = 0.0

    @property
    def num_draws(self) -> int:
        """For each operation: which, its sign, whether it is carried out, and two for its strength."""
        return 5 * self.count

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """A new image, or the same one where nothing is carried out."""
        table = list(operations(self.policy, self.fill).values())
        choices, signs, chances, *pair = draws.reshape(-1, 5).T
        magnitudes = np.clip(self.magnitude + self.spread * normals(*pair), 0, LARGEST_MAGNITUDE)
        for choice, sign, chance, magnitude in zip(choices, signs, chances, magnitudes.tolist()):
            if chance < PROBABILITY[self.policy]:
                operation = table[int(choice * len(table))]
                image = operation(image, magnitude / LARGEST_MAGNITUDE, -1.0 if sign < 0.5 else 1.0)
        return image


@cache
def operations(policy: Policy, fill: tuple[float, ...]) -> dict[str, Operation]:
    """The operations of ``policy`` by name; ``fill`` comes in at the borders of moved images."""
    if policy == "paper":
        own: dict[str, Operation] = {
            "identity": lambda image, strength, sign: image,
            "solarize": lambda image, strength, sign: solarize(image, 256 * (1 - strength)),
            "posterize": lambda image, strength, sign: posterize(image, 8 - round(4 * strength)),
        }
    else:
        own = {
            "invert": lambda image, strength, sign: ~image,
            "solarize": lambda image, strength, sign: solarize(image, 256 - int(256 * strength)),
            "solarize_add": lambda image, strength, sign: solarize_add(image, int(110 * strength)),
            "posterize": lambda image, strength, sign: posterize(image, 4 - int(4 * strength)),
        }
    return {**own, **_colours(), **_moves(fill, LARGEST_SHIFT[policy])}


def _colours() -> dict[str, Operation]:
    return {
        "auto_contrast": lambda image, strength, sign: auto_contrast(image),
        "equalize": lambda image, strength, sign: equalize(image),
        "saturation": lambda image, strength, sign: saturate(image, 1 + sign * 0.9 * strength),
        "contrast": lambda image, strength, sign: stretch_contrast(image, 1 + sign * 0.9 * strength),
        "brightness": lambda image, strength, sign: brighten(image, 1 + sign * 0.9 * strength),
        "sharpness": lambda image, strength, sign: sharpen(image, 1 + sign * 0.9 * strength),
    }


def _moves(fill: tuple[float, ...], shift: float) -> dict[str, Operation]:
    def move(image: Image, across: tuple[float, float] = (0, 0), down: tuple[float, float] = (0, 0)) -> Image:
        """Each row and column moved: by a part of its distance from the corner, and by a number of pixels."""
        return warp(image, [[1, *across], [down[0], 1, down[1]]], fill)

    return {
        "rotate": lambda image, strength, sign: warp(image, rotation(image, sign * 30 * strength), fill),
        "shear_x": lambda image, strength, sign: move(image, across=(sign * 0.3 * strength, 0)),
        "shear_y": lambda image, strength, sign: move(image, down=(sign * 0.3 * strength, 0)),
        "shift_x": lambda image, strength, sign: move(
            image, across=(0, sign * shift * image.shape[1] * strength)
        ),
        "shift_y": lambda image, strength, sign: move(
            image, down=(0, sign * shift * image.shape[0] * strength)
        ),
    }
