"""How the EfficientNets differ; without MXNet, for the catalogue."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Optional

from gluonlab.models.rounding import round_to_eight


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind, a row of the papers' tables; the first has the stride."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    blocks: int
    is_fused: bool = False


@dataclass(frozen=True)
class EfficientNetForm:
    """Stages, the channels before and behind them (None: four times the last), and constants of training.

    A lite one has ReLU6 for SiLU, and no squeeze and excitation.
    """

    stem_channels: int
    stages: tuple[Stage, ...]
    last_channels: Optional[int]
    dropout: float
    bn_momentum: float = 0.9
    bn_epsilon: float = 1e-5
    is_lite: bool = False


B0 = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
"""Table 1 of the first paper."""

V2_S = (
    Stage(1, 3, 1, 24, 2, is_fused=True),
    Stage(4, 3, 2, 48, 4, is_fused=True),
    Stage(4, 3, 2, 64, 4, is_fused=True),
    Stage(4, 3, 2, 128, 6),
    Stage(6, 3, 1, 160, 9),
    Stage(6, 3, 2, 256, 15),
)
V2_M = (
    Stage(1, 3, 1, 24, 3, is_fused=True),
    Stage(4, 3, 2, 48, 5, is_fused=True),
    Stage(4, 3, 2, 80, 5, is_fused=True),
    Stage(4, 3, 2, 160, 7),
    Stage(6, 3, 1, 176, 14),
    Stage(6, 3, 2, 304, 18),
    Stage(6, 3, 1, 512, 5),
)
V2_L = (
    Stage(1, 3, 1, 32, 4, is_fused=True),
    Stage(4, 3, 2, 64, 7, is_fused=True),
    Stage(4, 3, 2, 96, 7, is_fused=True),
    Stage(4, 3, 2, 192, 10),
    Stage(6, 3, 1, 224, 19),
    Stage(6, 3, 2, 384, 25),
    Stage(6, 3, 1, 640, 7),
)
"""Table 4 of the second paper, and its medium and large networks as torchvision has them."""


def scaled(width: float, depth: float, dropout: float, *, is_large: bool = False) -> EfficientNetForm:
    """B1 to B7: B0 with ``width`` times the channels and ``depth`` times the blocks.

    The larger ones (``is_large``) have the paper's constants of batch normalisation in torchvision too.
    """
    stages = tuple(
        replace(
            stage, channels=round_to_eight(width * stage.channels), blocks=math.ceil(depth * stage.blocks)
        )
        for stage in B0
    )
    constants = (0.99, 1e-3) if is_large else (0.9, 1e-5)
    return EfficientNetForm(round_to_eight(32 * width), stages, None, dropout, *constants)


def version_2(stages: tuple[Stage, ...], dropout: float) -> EfficientNetForm:
    """The second version, with the stem that its first stage has the channels of."""
    return EfficientNetForm(stages[0].channels, stages, 1280, dropout, bn_epsilon=1e-3)


def lite(width: float, depth: float, dropout: float) -> EfficientNetForm:
    """Lite 0 to 4: stem, last convolution and the blocks of the first and the last stage are not scaled."""
    stages = tuple(
        replace(
            stage,
            channels=round_to_eight(width * stage.channels),
            blocks=stage.blocks if stage in (B0[0], B0[-1]) else math.ceil(depth * stage.blocks),
        )
        for stage in B0
    )
    return EfficientNetForm(32, stages, 1280, dropout, is_lite=True)
