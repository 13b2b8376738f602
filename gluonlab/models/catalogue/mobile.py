"""Networks for small devices: MobileNet v2, v3 and v4, MNASNet, ShuffleNet v2 and GhostNet."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models import mobilenet_v4_form
from gluonlab.models.entry import IMAGENET, ModelEntry, Preprocessing, imagenet_model
from gluonlab.models.mobilenet_v4_form import MobileNetV4Form
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


def _build_mnasnet(width: float, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.mnasnet import MNASNet

    return MNASNet(width, classes, options)


def _build_shufflenet(
    channels: tuple[int, int, int], last_channels: int, classes: int, options: ModelOptions
) -> gluon.HybridBlock:
    from gluonlab.models.shufflenet_v2 import ShuffleNetV2

    return ShuffleNetV2(channels, last_channels, classes, options)


def _build_v4(form: MobileNetV4Form, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.mobilenet_v4 import MobileNetV4

    return MobileNetV4(form, classes, options)


def _v4(
    size: str, form: MobileNetV4Form, resize: int, crop: int, parameters: int, multiply_adds: int
) -> ModelEntry:
    preprocessing = replace(IMAGENET, resize=resize, crop=crop, interpolation="bicubic")
    build, name = partial(_build_v4, form), f"mobilenetv4_conv_{size}"
    return imagenet_model(
        name, build, "Qin et al. arXiv:2404.10518", 2024, parameters, multiply_adds, preprocessing
    )


def _build_ghostnet(width: float, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.ghostnet import GhostNet

    return GhostNet(width, classes, options)


def _ghostnet(name: str, width: float, parameters: int, multiply_adds: int) -> ModelEntry:
    build, preprocessing = partial(_build_ghostnet, width), replace(IMAGENET, interpolation="bicubic")
    return imagenet_model(
        name, build, "Han et al. arXiv:1911.11907", 2020, parameters, multiply_adds, preprocessing
    )


def _mnasnet(width: float, resize: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build, name = partial(_build_mnasnet, width), f"mnasnet{width}".replace(".", "_")
    return imagenet_model(
        name, build, "Tan et al. arXiv:1807.11626", 2018, parameters, multiply_adds, _resized(resize)
    )


def _shufflenet(
    width: str, channels: tuple[int, int, int], last: int, resize: int, parameters: int, multiply_adds: int
) -> ModelEntry:
    build, name = partial(_build_shufflenet, channels, last), f"shufflenet_v2_{width}"
    return imagenet_model(
        name, build, "Ma et al. arXiv:1807.11164", 2018, parameters, multiply_adds, _resized(resize)
    )


def _resized(resize: int) -> Preprocessing:
    return replace(IMAGENET, resize=resize)


HOWARD = ("Howard et al. arXiv:1905.02244", 2019)

ENTRIES = (
    _v2("mobilenet_v2", 1.0, 3_504_872, 300_774_272),
    _v2("mobilenet_v2_035", 0.35, 1_677_128, 59_285_808),
    _v2("mobilenet_v2_050", 0.5, 1_968_680, 97_131_840),
    _v2("mobilenet_v2_075", 0.75, 2_636_424, 209_069_792),
    _v2("mobilenet_v2_140", 1.4, 6_108_776, 582_195_824),
    imagenet_model("mobilenet_v3_large", _build_v3_large, *HOWARD, 5_483_032, 216_589_760),
    imagenet_model("mobilenet_v3_small", _build_v3_small, *HOWARD, 2_542_856, 56_510_400),
    _mnasnet(0.5, 256, 2_218_512, 104_455_968),
    _mnasnet(0.75, 232, 3_170_208, 215_493_104),
    _mnasnet(1.0, 256, 4_383_312, 314_415_872),
    _mnasnet(1.3, 232, 6_282_256, 526_362_432),
    _shufflenet("x0_5", (48, 96, 192), 1024, 256, 1_366_792, 40_476_448),
    _shufflenet("x1_0", (116, 232, 464), 1024, 256, 2_278_604, 144_907_992),
    _shufflenet("x1_5", (176, 352, 704), 1024, 232, 3_503_624, 295_759_392),
    _shufflenet("x2_0", (244, 488, 976), 2048, 232, 7_393_996, 583_253_464),
    _v4("small", mobilenet_v4_form.SMALL, 256, 224, 3_774_024, 186_005_568),
    _v4("medium", mobilenet_v4_form.MEDIUM, 269, 256, 9_715_512, 1_080_244_224),
    _v4("large", mobilenet_v4_form.LARGE, 404, 384, 32_590_864, 6_376_220_672),
    _ghostnet("ghostnet_050", 0.5, 2_587_292, 42_328_152),
    _ghostnet("ghostnet_100", 1.0, 5_182_508, 141_150_512),
    _ghostnet("ghostnet_130", 1.3, 7_358_820, 227_003_256),
)
