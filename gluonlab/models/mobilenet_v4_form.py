"""What tells the convolutional MobileNets v4 apart: Qin et al. 2024 (arXiv:2404.10518), tables 11 to 13."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union


@dataclass(frozen=True)
class Plain:
    """A convolution with batch normalisation and ReLU."""

    kernel: int
    stride: int
    channels: int


@dataclass(frozen=True)
class Fused:
    """A 3x3 convolution that expands the channels by 4 and halves the image, and a projection."""

    channels: int


@dataclass(frozen=True)
class Universal:
    """Inverted residuals with a depthwise convolution at their start, in their middle, both or neither.

    Kernels of None are convolutions that are not there; only the first of ``blocks`` has the stride.
    """

    start: Optional[int]
    middle: Optional[int]
    stride: int
    expansion: int
    channels: int
    blocks: int = 1


BlockForm = Union[Plain, Fused, Universal]


@dataclass(frozen=True)
class MobileNetV4Form:
    """Channels of the stem, and the blocks of each stage."""

    stem_channels: int
    stages: tuple[tuple[BlockForm, ...], ...]


SMALL = MobileNetV4Form(
    32,
    (
        (Plain(3, 2, 32), Plain(1, 1, 32)),
        (Plain(3, 2, 96), Plain(1, 1, 64)),
        (Universal(5, 5, 2, 3, 96), Universal(None, 3, 1, 2, 96, 4), Universal(3, None, 1, 4, 96)),
        (
            Universal(3, 3, 2, 6, 128),
            Universal(5, 5, 1, 4, 128),
            Universal(None, 5, 1, 4, 128),
            Universal(None, 5, 1, 3, 128),
            Universal(None, 3, 1, 4, 128, 2),
        ),
        (Plain(1, 1, 960),),
    ),
)
MEDIUM = MobileNetV4Form(
    32,
    (
        (Fused(48),),
        (Universal(3, 5, 2, 4, 80), Universal(3, 3, 1, 2, 80)),
        (
            Universal(3, 5, 2, 6, 160),
            Universal(3, 3, 1, 4, 160, 2),
            Universal(3, 5, 1, 4, 160),
            Universal(3, 3, 1, 4, 160),
            Universal(3, None, 1, 4, 160),
            Universal(None, None, 1, 2, 160),
            Universal(3, None, 1, 4, 160),
        ),
        (
            Universal(5, 5, 2, 6, 256),
            Universal(5, 5, 1, 4, 256),
            Universal(3, 5, 1, 4, 256, 2),
            Universal(None, None, 1, 4, 256),
            Universal(3, None, 1, 4, 256),
            Universal(3, 5, 1, 2, 256),
            Universal(5, 5, 1, 4, 256),
            Universal(None, None, 1, 4, 256, 2),
            Universal(5, None, 1, 2, 256),
        ),
        (Plain(1, 1, 960),),
    ),
)
LARGE = MobileNetV4Form(
    24,
    (
        (Fused(48),),
        (Universal(3, 5, 2, 4, 96), Universal(3, 3, 1, 4, 96)),
        (
            Universal(3, 5, 2, 4, 192),
            Universal(3, 3, 1, 4, 192, 3),
            Universal(3, 5, 1, 4, 192),
            Universal(5, 3, 1, 4, 192, 5),
            Universal(3, None, 1, 4, 192),
        ),
        (
            Universal(5, 5, 2, 4, 512, 4),
            Universal(5, None, 1, 4, 512),
            Universal(5, 3, 1, 4, 512),
            Universal(5, None, 1, 4, 512, 2),
            Universal(5, 3, 1, 4, 512),
            Universal(5, 5, 1, 4, 512),
            Universal(5, None, 1, 4, 512, 3),
        ),
        (Plain(1, 1, 960),),
    ),
)
