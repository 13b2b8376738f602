"""ConvNeXt, in torchvision's sizes and the smaller ones of timm, and ConvNeXt V2."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.convnext_form import ConvNeXtForm, Four
from gluonlab.models.entry import IMAGENET, ModelEntry, Preprocessing, imagenet_model
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

LIU = ("Liu et al. arXiv:2201.03545", 2022)
WOO = ("Woo et al. arXiv:2301.00808", 2023)


def _build(form: ConvNeXtForm, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.convnext import ConvNeXt

    return ConvNeXt(form, classes, options)


def _v1(
    size: str, blocks: Four, width: int, parameters: int, multiply_adds: int, preprocessing: Preprocessing
) -> ModelEntry:
    build = partial(_build, ConvNeXtForm(blocks, _doubled(width)))
    return imagenet_model(f"convnext_{size}", build, *LIU, parameters, multiply_adds, preprocessing)


def _v2(size: str, blocks: Four, width: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build, ConvNeXtForm(blocks, _doubled(width), has_response_norm=True))
    return imagenet_model(f"convnextv2_{size}", build, *WOO, parameters, multiply_adds, _bicubic(256))


def _doubled(width: int) -> Four:
    """The channels of the stages, each of which has twice those of the one before."""
    return width, 2 * width, 4 * width, 8 * width


def _bilinear(resize: int) -> Preprocessing:
    return replace(IMAGENET, resize=resize)


def _bicubic(resize: int) -> Preprocessing:
    return replace(IMAGENET, resize=resize, interpolation="bicubic")


ENTRIES = (
    _v1("atto", (2, 2, 6, 2), 40, 3_695_520, 547_332_480, _bicubic(256)),
    _v1("femto", (2, 2, 6, 2), 48, 5_217_784, 779_629_824, _bicubic(256)),
    _v1("pico", (2, 2, 6, 2), 64, 9_045_672, 1_367_055_360, _bicubic(256)),
    _v1("nano", (2, 2, 8, 2), 80, 15_593_560, 2_445_528_320, _bicubic(235)),
    _v1("tiny", (3, 3, 9, 3), 96, 28_589_128, 4_455_531_264, _bilinear(236)),
    _v1("small", (3, 3, 27, 3), 96, 50_223_688, 8_683_712_256, _bilinear(230)),
    _v1("base", (3, 3, 27, 3), 128, 88_591_464, 15_354_729_472, _bilinear(232)),
    _v1("large", (3, 3, 27, 3), 192, 197_767_336, 34_361_433_600, _bilinear(232)),
    _v2("atto", (2, 2, 6, 2), 40, 3_708_400, 547_332_480),
    _v2("femto", (2, 2, 6, 2), 48, 5_233_240, 779_629_824),
    _v2("pico", (2, 2, 6, 2), 64, 9_066_280, 1_367_055_360),
    _v2("nano", (2, 2, 8, 2), 80, 15_623_800, 2_445_528_320),
    _v2("tiny", (3, 3, 9, 3), 96, 28_635_496, 4_455_531_264),
    _v2("base", (3, 3, 27, 3), 128, 88_717_800, 15_354_729_472),
)
