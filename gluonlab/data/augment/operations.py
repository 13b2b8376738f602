"""What the operations of RandAugment do to an image; `rand_augment` has which there are and how strong."""

from __future__ import annotations

import math

import cv2
import numpy as np

from gluonlab.data.augment.colour import BYTES, look_up, to_bytes
from gluonlab.data.augment.views import Image


def auto_contrast(image: Image) -> Image:
    """Stretch each channel so that it spans 0 to 255; a constant channel stays."""
    tables = np.empty((1, 256, image.shape[2]), np.uint8)
    for channel in range(image.shape[2]):
        low, high, *_ = cv2.minMaxLoc(image[:, :, channel])
        stretched = (BYTES - low) * np.float32(255 / (high - low)) if high > low else BYTES
        tables[0, :, channel] = to_bytes(stretched)
    return look_up(image, tables)


def equalize(image: Image) -> Image:
    """Spread each channel so that all values are about equally frequent."""
    planes = [cv2.equalizeHist(np.ascontiguousarray(image[:, :, c])) for c in range(image.shape[2])]
    return np.dstack(planes).reshape(image.shape)


def solarize(image: Image, threshold: float) -> Image:
    """Invert the values from ``threshold`` on."""
    return look_up(image, np.where(threshold <= BYTES, 255 - BYTES, BYTES).astype(np.uint8))


def solarize_add(image: Image, added: int) -> Image:
    """Add ``added`` to the values below 128."""
    return look_up(image, to_bytes(np.where(BYTES < 128, BYTES + np.float32(added), BYTES)))


def posterize(image: Image, bits: int) -> Image:
    """Keep the ``bits`` highest bits of each value."""
    return image & np.uint8(256 - (1 << (8 - bits)))


def sharpen(image: Image, factor: float) -> Image:
    """Away from a smoothed copy (3x3, the centre with weight 5 of 13), or towards it below 1."""
    kernel = np.ones((3, 3), np.float32)
    kernel[1, 1] = 5
    smooth = cv2.filter2D(image, -1, kernel / 13, borderType=cv2.BORDER_REPLICATE)
    mixed: Image = cv2.addWeighted(image, factor, smooth.reshape(image.shape), 1 - factor, 0)
    return mixed.reshape(image.shape)


def rotation(image: Image, degrees: float) -> list[list[float]]:
    """The matrix that turns about the centre, counter-clockwise."""
    height, width = image.shape[:2]
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = (width - 1) / 2, (height - 1) / 2
    return [[cosine, sine, x - cosine * x - sine * y], [-sine, cosine, y + sine * x - cosine * y]]


def warp(image: Image, matrix: list[list[float]], fill: tuple[float, ...]) -> Image:
    """``image`` moved by the affine ``matrix``, bilinear; ``fill`` comes in at the borders."""
    size = image.shape[1], image.shape[0]
    moved: Image = cv2.warpAffine(
        image,
        np.array(matrix, np.float64),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=fill,
    )
    return moved.reshape(image.shape)
