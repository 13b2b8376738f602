"""What the table of models says of one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Optional

from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

Build = Callable[[int, ModelOptions], "gluon.HybridBlock"]
"""Makes a net from a number of classes and options."""
Interpolation = Literal["fast", "bilinear", "bicubic"]


@dataclass(frozen=True)
class Preprocessing:
    """How an image becomes the input of a model when it is evaluated or used.

    The image is scaled until its shorter side is ``resize`` pixels (None: it is left as it is), the
    ``crop`` x ``crop`` pixels in its centre are kept, and of each channel, in 0 to 255, ``mean`` is
    subtracted and the rest divided by ``std``. ``fast`` interpolation is gluonlab's own.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: Optional[int]
    crop: int
    interpolation: Interpolation = "bilinear"


PIXEL = 255.0
"""What others divide pixels by before they subtract a mean."""
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)
IMAGENET = Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=256, crop=224)
"""Of torchvision, GluonCV and most papers: the centre 224 pixels of a shorter side of 256."""


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be made by name.

    ``input_shape`` is (channels, height, width) of the images that it is meant for. With the default
    ``classes`` and options it has ``parameters`` trainable ones, and takes ``multiply_adds`` for one
    such image (those of convolutions and fully connected layers, as `count_multiply_adds` counts).
    """

    name: str
    build: Build
    input_shape: tuple[int, int, int]
    classes: int
    paper: str
    year: int
    parameters: int
    multiply_adds: int
    preprocessing: Preprocessing

    @property
    def gmacs(self) -> float:
        """Billions of multiply-adds for one image."""
        return self.multiply_adds / 1e9


def imagenet_model(
    name: str,
    build: Build,
    paper: str,
    year: int,
    parameters: int,
    multiply_adds: int,
    preprocessing: Preprocessing = IMAGENET,
) -> ModelEntry:
    """A model for colour images, of 224 px unless told otherwise, and 1,000 classes."""
    shape = (3, preprocessing.crop, preprocessing.crop)
    return ModelEntry(name, build, shape, 1000, paper, year, parameters, multiply_adds, preprocessing)
