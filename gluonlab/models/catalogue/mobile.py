"""Networks for small devices: MobileNet v2 and v3."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.entry import ModelEntry, imagenet_model
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon


def _build_v2(width: float, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.mobilenet_v2 import MobileNetV2

    return MobileNetV2(width, classes, options)


def _build_v3_large(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.mobilenet_v3 import LARGE, MobileNetV3

    return MobileNetV3(LARGE, 1280, classes, options)


def _build_v3_small(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.mobilenet_v3 import SMALL, MobileNetV3

    return MobileNetV3(SMALL, 1024, classes, options)


def _v2(name: str, width: float, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_v2, width)
    return imagenet_model(name, build, "Sandler et al. arXiv:1801.04381", 2018, parameters, multiply_adds)


HOWARD = ("Howard et al. arXiv:1905.02244", 2019)

ENTRIES = (
    _v2("mobilenet_v2", 1.0, 3_504_872, 300_774_272),
    _v2("mobilenet_v2_035", 0.35, 1_677_128, 59_285_808),
    _v2("mobilenet_v2_050", 0.5, 1_968_680, 97_131_840),
    _v2("mobilenet_v2_075", 0.75, 2_636_424, 209_069_792),
    _v2("mobilenet_v2_140", 1.4, 6_108_776, 582_195_824),
    imagenet_model("mobilenet_v3_large", _build_v3_large, *HOWARD, 5_483_032, 216_589_760),
    imagenet_model("mobilenet_v3_small", _build_v3_small, *HOWARD, 2_542_856, 56_510_400),
)
