"""Models for the small images of CIFAR, MNIST and the digits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.entry import ModelEntry, Preprocessing
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

WRN_PAPER = "Zagoruyko and Komodakis arXiv:1605.07146"
RESNET_PAPER = "He et al. arXiv:1512.03385"

CIFAR = Preprocessing((125.3, 123.0, 113.9), (63.0, 62.1, 66.7), resize=None, crop=32)
GRAY = Preprocessing((33.3,), (78.6,), resize=None, crop=28)


def _build_cifar_resnet(depth: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_small import build_cifar_resnet

    return build_cifar_resnet(depth, classes=classes, options=options)


def _build_small_resnet8(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_small import build_small_resnet8

    return build_small_resnet8(classes=classes, options=options)


def _build_cifar_resnet8_stride2(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_small import build_cifar_resnet8_stride2

    return build_cifar_resnet8_stride2(classes=classes, options=options)


def _build_speednet94(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.speednet import build_speednet94

    return build_speednet94(classes=classes, options=options)


def _build_wide_resnet(depth: int, width: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.wide_resnet_small import SmallWideResNet

    return SmallWideResNet(depth, width, classes, options)


def _cifar_resnet(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_cifar_resnet, depth)
    name = f"cifar_resnet{depth}"
    return ModelEntry(name, build, (3, 32, 32), 10, RESNET_PAPER, 2015, parameters, multiply_adds, CIFAR)


def _wide_resnet(depth: int, width: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_wide_resnet, depth, width)
    name = f"cifar_wrn{depth}_{width}"
    return ModelEntry(name, build, (3, 32, 32), 10, WRN_PAPER, 2016, parameters, multiply_adds, CIFAR)


ENTRIES = (
    ModelEntry(
        "cifar_resnet8_stride2",
        _build_cifar_resnet8_stride2,
        (3, 32, 32),
        10,
        f"after {RESNET_PAPER}",
        2015,
        75_290,
        3_060_352,
        CIFAR,
    ),
    _cifar_resnet(20, 269_722, 40_551_040),
    _cifar_resnet(32, 464_154, 68_862_592),
    _cifar_resnet(44, 658_586, 97_174_144),
    _cifar_resnet(56, 853_018, 125_485_696),
    _cifar_resnet(110, 1_727_962, 252_887_680),
    _wide_resnet(16, 8, 10_961_370, 1_548_145_664),
    _wide_resnet(22, 8, 17_158_106, 2_454_115_328),
    _wide_resnet(28, 10, 36_479_194, 5_243_328_768),
    _wide_resnet(28, 12, 52_517_850, 7_543_905_792),
    _wide_resnet(40, 1, 563_930, 83_280_512),
    _wide_resnet(40, 2, 2_243_546, 327_599_360),
    _wide_resnet(40, 4, 8_949_210, 1_298_582_016),
    _wide_resnet(40, 8, 35_748_314, 5_172_024_320),
    ModelEntry(
        "speednet94",
        _build_speednet94,
        (3, 32, 32),
        10,
        "Jordan arXiv:2404.00498",
        2024,
        1_972_792,
        118_147_360,
        CIFAR,
    ),
    ModelEntry(
        "small_resnet8",
        _build_small_resnet8,
        (1, 28, 28),
        10,
        f"after {RESNET_PAPER}",
        2015,
        75_002,
        9_145_216,
        GRAY,
    ),
)
