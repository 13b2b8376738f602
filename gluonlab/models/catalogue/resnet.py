"""ResNets for ImageNet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.entry import ModelEntry, imagenet_model
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon


def _build_resnet(
    depth: int, is_stride_on_3x3: bool, classes: int, options: ModelOptions
) -> gluon.HybridBlock:
    from gluonlab.models.resnet import build_resnet

    return build_resnet(depth, is_stride_on_3x3=is_stride_on_3x3, classes=classes, options=options)


def _build_resnet_v2(depth: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_v2 import build_resnet_v2

    return build_resnet_v2(depth, classes=classes, options=options)


def _v1(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_resnet, depth, False)
    return imagenet_model(
        f"resnet{depth}_v1", build, "He et al. arXiv:1512.03385", 2015, parameters, multiply_adds
    )


def _v1b(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_resnet, depth, True)
    return imagenet_model(
        f"resnet{depth}_v1b", build, "Gross and Wilber, fb.resnet.torch", 2016, parameters, multiply_adds
    )


def _v2(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_resnet_v2, depth)
    return imagenet_model(
        f"resnet{depth}_v2", build, "He et al. arXiv:1603.05027", 2016, parameters, multiply_adds
    )


ENTRIES = (
    _v1(18, 11_689_512, 1_814_073_344),
    _v1b(18, 11_689_512, 1_814_073_344),
    _v2(18, 11_687_720, 1_814_073_344),
    _v1(34, 21_797_672, 3_663_761_408),
    _v1b(34, 21_797_672, 3_663_761_408),
    _v2(34, 21_795_880, 3_663_761_408),
    _v1(50, 25_557_032, 3_857_973_248),
    _v1b(50, 25_557_032, 4_089_184_256),
    _v2(50, 25_549_352, 4_089_184_256),
    _v1(101, 44_549_160, 7_570_194_432),
    _v1b(101, 44_549_160, 7_801_405_440),
    _v2(101, 44_541_480, 7_801_405_440),
    _v1(152, 60_192_808, 11_282_415_616),
    _v1b(152, 60_192_808, 11_513_626_624),
    _v2(152, 60_185_128, 11_513_626_624),
)
