"""Resizing as Pillow does it, and so torchvision and timm: each pixel is a mean over all that it covers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from gluonlab.data.augment.views import CentreCrop, Image, with_channels

Interpolation = Literal["bilinear", "bicubic"]


@dataclass(frozen=True)
class AntialiasedCrop(CentreCrop):
    """`CentreCrop` of the whole image, resized first, as ``Resize`` and ``CenterCrop`` of torchvision.

    timm's are the same. The longer side is rounded down, the crop begins at the half, rounded to even.
    """

    interpolation: Interpolation = "bilinear"

    def show(self, image: Image, channels: int) -> Image:
        """``image`` (height, width, any channels) as (size, size, channels)."""
        from PIL.Image import Resampling, fromarray

        image = with_channels(image, channels)
        height, width = image.shape[:2]
        shorter = min(height, width)
        new_height, new_width = (int(self.resize_to * side / shorter) for side in (height, width))
        pixels = image if channels == 3 else image[:, :, 0]
        if (new_height, new_width) != (height, width):
            kernel = Resampling[self.interpolation.upper()]
            pixels = np.asarray(fromarray(pixels).resize((new_width, new_height), kernel))
        top, left = round((new_height - self.size) / 2), round((new_width - self.size) / 2)
        return pixels[top : top + self.size, left : left + self.size].reshape(self.size, self.size, channels)
