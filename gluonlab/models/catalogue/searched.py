"""Networks whose form was found by searching: RegNet and EfficientNet, as torchvision and timm have them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.efficientnet_form import V2_L, V2_M, V2_S, EfficientNetForm, lite, scaled, version_2
from gluonlab.models.entry import IMAGENET_MEAN, IMAGENET_STD, ModelEntry, Preprocessing, imagenet_model
from gluonlab.models.options import ModelOptions
from gluonlab.models.regnet_form import RegNetForm

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

RADOSAVOVIC = ("Radosavovic et al. arXiv:2003.13678", 2020)
TAN_2019 = ("Tan and Le arXiv:1905.11946", 2019)
TAN_2021 = ("Tan and Le arXiv:2104.00298", 2021)

LITE = ("Google, EfficientNet-lite", 2020)

V2_LARGE = Preprocessing((127.5,) * 3, (127.5,) * 3, resize=480, crop=480, interpolation="bicubic")

Four = tuple[int, int, int, int]


def _build_regnet(form: RegNetForm, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.regnet import RegNet

    return RegNet(form, classes, options)


def _build_efficientnet(form: EfficientNetForm, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.efficientnet import EfficientNet

    return EfficientNet(form, classes, options)


def _x(
    size: str, blocks: Four, channels: Four, width: int, parameters: int, multiply_adds: int
) -> ModelEntry:
    build = partial(_build_regnet, RegNetForm(blocks, channels, width))
    return imagenet_model(f"regnet_x_{size}", build, *RADOSAVOVIC, parameters, multiply_adds)


def _y(
    size: str, blocks: Four, channels: Four, width: int, parameters: int, multiply_adds: int
) -> ModelEntry:
    build = partial(_build_regnet, RegNetForm(blocks, channels, width, has_squeeze_excitation=True))
    return imagenet_model(f"regnet_y_{size}", build, *RADOSAVOVIC, parameters, multiply_adds)


def _b(
    number: int, form: EfficientNetForm, parameters: int, multiply_adds: int, preprocessing: Preprocessing
) -> ModelEntry:
    build, name = partial(_build_efficientnet, form), f"efficientnet_b{number}"
    return imagenet_model(name, build, *TAN_2019, parameters, multiply_adds, preprocessing)


def _lite(
    number: int, form: EfficientNetForm, parameters: int, multiply_adds: int, preprocessing: Preprocessing
) -> ModelEntry:
    build, name = partial(_build_efficientnet, form), f"efficientnet_lite{number}"
    return imagenet_model(name, build, *LITE, parameters, multiply_adds, preprocessing)


def _v2(
    size: str, form: EfficientNetForm, parameters: int, multiply_adds: int, preprocessing: Preprocessing
) -> ModelEntry:
    build, name = partial(_build_efficientnet, form), f"efficientnet_v2_{size}"
    return imagenet_model(name, build, *TAN_2021, parameters, multiply_adds, preprocessing)


def _bicubic(resize: int, crop: int) -> Preprocessing:
    return Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize, crop, "bicubic")


def _bilinear(size: int) -> Preprocessing:
    return Preprocessing(IMAGENET_MEAN, IMAGENET_STD, size, size)


ENTRIES = (
    _x("400mf", (1, 2, 7, 12), (32, 64, 160, 400), 16, 5_495_976, 413_812_608),
    _x("800mf", (1, 3, 7, 5), (64, 128, 288, 672), 16, 7_259_656, 799_699_712),
    _x("1_6gf", (2, 4, 10, 2), (72, 168, 408, 912), 24, 9_190_136, 1_602_849_792),
    _x("3_2gf", (2, 6, 15, 2), (96, 192, 432, 1008), 48, 15_296_552, 3_176_621_952),
    _x("8gf", (2, 5, 15, 1), (80, 240, 720, 1920), 120, 39_572_648, 7_995_132_416),
    _x("16gf", (2, 6, 13, 1), (256, 512, 896, 2048), 128, 54_278_536, 15_940_755_456),
    _x("32gf", (2, 7, 13, 1), (336, 672, 1344, 2520), 168, 107_811_560, 31_735_929_792),
    _y("400mf", (1, 3, 6, 6), (48, 104, 208, 440), 8, 4_344_144, 401_842_848),
    _y("800mf", (1, 3, 8, 2), (64, 144, 320, 784), 16, 6_432_512, 833_856_256),
    _y("1_6gf", (2, 6, 17, 2), (48, 120, 336, 888), 24, 11_202_430, 1_612_076_160),
    _y("3_2gf", (2, 5, 13, 1), (72, 216, 576, 1512), 24, 19_436_338, 3_176_482_752),
    _y("8gf", (2, 4, 10, 1), (224, 448, 896, 2016), 56, 39_381_472, 8_473_070_592),
    _y("16gf", (2, 4, 11, 1), (224, 448, 1232, 3024), 112, 83_590_140, 15_911_510_272),
    _y("32gf", (2, 5, 12, 1), (232, 696, 1392, 3712), 232, 145_046_770, 32_279_552_832),
    _b(0, scaled(1.0, 1.0, 0.2), 5_288_548, 385_814_752, _bicubic(256, 224)),
    _b(1, scaled(1.0, 1.1, 0.2), 7_794_184, 686_802_832, _bicubic(256, 240)),
    _b(2, scaled(1.1, 1.2, 0.3), 9_109_994, 1_087_529_456, _bicubic(288, 288)),
    _b(3, scaled(1.2, 1.4, 0.3), 12_233_232, 1_827_141_392, _bicubic(320, 300)),
    _b(4, scaled(1.4, 1.8, 0.4), 19_341_616, 4_393_771_024, _bicubic(384, 380)),
    _b(5, scaled(1.6, 2.2, 0.4, is_large=True), 30_389_784, 10_266_384_752, _bicubic(456, 456)),
    _b(6, scaled(1.8, 2.6, 0.5, is_large=True), 43_040_704, 19_067_593_536, _bicubic(528, 528)),
    _b(7, scaled(2.0, 3.1, 0.5, is_large=True), 66_347_960, 37_745_884_192, _bicubic(600, 600)),
    _v2("s", version_2(V2_S, 0.2), 21_458_488, 8_365_617_152, _bilinear(384)),
    _v2("m", version_2(V2_M, 0.3), 54_139_356, 24_582_460_384, _bilinear(480)),
    _v2("l", version_2(V2_L, 0.4), 118_515_272, 56_079_699_008, V2_LARGE),
    _lite(0, lite(1.0, 1.0, 0.2), 4_652_008, 385_187_552, _bicubic(256, 224)),
    _lite(1, lite(1.0, 1.1, 0.2), 5_416_680, 600_185_232, _bicubic(272, 240)),
    _lite(2, lite(1.1, 1.2, 0.3), 6_092_072, 859_736_272, _bicubic(292, 260)),
    _lite(3, lite(1.2, 1.4, 0.3), 8_197_096, 1_607_554_544, _bicubic(331, 300)),
    _lite(4, lite(1.4, 1.8, 0.3), 13_006_568, 3_943_564_112, _bicubic(412, 380)),
)
