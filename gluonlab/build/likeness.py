"""What an evaluation must set to show a network the pixels that another project shows it."""

from __future__ import annotations

import math
from typing import Optional

from gluonlab.data.sections.base import DataSection
from gluonlab.errors import ConfigError

INTERPOLATIONS = {"torchvision": "bilinear", "timm": "bicubic"}
"""What most of their networks are evaluated with; some of torchvision's want bicubic, too."""
CROP_SHARE = 0.875
"""Side of the crop as a share of the shorter side, 224 of 256: the usual value of both."""


def settings_like(data: DataSection, like: Optional[str], crop_share: Optional[float]) -> list[str]:
    """Overrides of ``data`` for an evaluation as the project ``like`` does it.

    ``crop_share`` is the side of the crop as a part of the shorter side of the image; without it the recipe's
    ``resize`` stays, or is the usual one. timm rounds the shorter side down.

    Raises:
        ConfigError: CLI02 ``like`` is none of `INTERPOLATIONS`, or the share is not from 0 to 1.
    """
    if like is not None and like not in INTERPOLATIONS:
        raise ConfigError("CLI02", "--like", f"{like!r} is none of {', '.join(INTERPOLATIONS)}")
    if crop_share is not None and not 0 < crop_share <= 1:
        raise ConfigError("CLI02", "--crop-share", f"{crop_share:g} is not from 0 to 1")
    settings = [f"data.interpolation={INTERPOLATIONS[like]}"] if like else []
    if crop_share is not None or (like and data.resize is None):
        settings.append(f"data.resize={math.floor(data.val_size / (crop_share or CROP_SHARE))}")
    return settings
