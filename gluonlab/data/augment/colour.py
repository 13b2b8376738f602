"""Steps that change colours: brightness, contrast, saturation, hue, and lighting along principal components.

Pixels are RGB bytes; arithmetic is in float32, or in a table of 256 entries where a value depends on one
byte alone. What leaves 0 to 255 is clipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment.views import Image
from gluonlab.data.randomness import normals

BYTES = np.arange(256, dtype=np.float32)

# Principal components of the RGB values of ImageNet, in 0 to 1: eigenvalues, and eigenvectors in columns.
# Published with fb.resnet.torch, which made the method of Krizhevsky et al. 2012 common. It, MXNet and all
# that followed take the eigenvalues for deviations, without a root.
PCA_DEVIATIONS = np.array([0.2175, 0.0188, 0.0045])
PCA_VECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])


@dataclass(frozen=True)
class ColourJitter:
    """Brightness, contrast, saturation and hue, each by a random factor, in a random order.

    A strength s draws the factor from [max(0, 1 - s), 1 + s]; ``hue`` h turns the colour circle by a part in
    [-h, h] of it. The way of torchvision's ColorJitter and of Howard 2013.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    num_draws: int = 8

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """A new image."""
        strengths = (self.brightness, self.contrast, self.saturation)
        for change in np.argsort(draws[4:], kind="stable").tolist():
            draw = float(draws[change])
            if change == 3:
                if self.hue:
                    image = turn_hue(image, (2 * draw - 1) * self.hue)
            elif strengths[change]:
                low = max(0.0, 1 - strengths[change])
                image = CHANGES[change](image, low + draw * (1 + strengths[change] - low))
        return image


@dataclass(frozen=True)
class Lighting:
    """Add a random mixture of ImageNet's principal components (Krizhevsky et al. 2012, section 4.1).

    ``strength`` is the standard deviation of the weights (0.1 in the paper), MXNet's ``pca_noise``.
    """

    strength: float
    num_draws: int = 6

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """A new image."""
        weights = normals(draws[:3], draws[3:]) * self.strength
        shift = 255 * PCA_VECTORS @ (PCA_DEVIATIONS * weights)
        tables = to_bytes(BYTES[:, None] + shift.astype(np.float32))
        return look_up(image, tables[None])


def brighten(image: Image, factor: float) -> Image:
    """Multiply all values by ``factor``."""
    return look_up(image, to_bytes(BYTES * np.float32(factor)))


def stretch_contrast(image: Image, factor: float) -> Image:
    """Away from the mean gray of the image (a rounded number), or towards it for a factor below 1."""
    mean = np.float32(round(cv2.mean(gray(image))[0]))
    return look_up(image, to_bytes(mean + (BYTES - mean) * np.float32(factor)))


def saturate(image: Image, factor: float) -> Image:
    """Away from the gray of each pixel, or towards it for a factor below 1."""
    if image.shape[2] == 1:
        return image
    mixed: Image = cv2.addWeighted(
        image, factor, cv2.cvtColor(gray(image), cv2.COLOR_GRAY2RGB), 1 - factor, 0
    )
    return mixed


def turn_hue(image: Image, part: float) -> Image:
    """Turn the colour circle by ``part`` of it, in steps of 1/256."""
    if image.shape[2] == 1:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    hsv[:, :, 0] += np.uint8(round(part * 256) % 256)  # wraps, as a circle does
    turned: Image = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)
    return turned


def gray(image: Image) -> Image:
    """Luma of BT.601: (height, width)."""
    plane: Image = image[:, :, 0] if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return plane


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values rounded to whole numbers and clipped to 0..255."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def look_up(image: Image, table: NDArray[np.uint8]) -> Image:
    """Each byte replaced by its entry in ``table``: (256,), or (1, 256, channels) for one table each."""
    found: Image = cv2.LUT(image, table if table.ndim == 1 or image.shape[2] == 3 else table[:, :, :1])
    return found.reshape(image.shape)


CHANGES = (brighten, stretch_contrast, saturate)
