"""ResNets for ImageNet, and ResNeXt, Wide ResNet and SE-ResNet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.entry import ModelEntry, imagenet_model
from gluonlab.models.options import ModelOptions
from gluonlab.models.resnet_form import ResNetForm

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

HE_2015 = ("He et al. arXiv:1512.03385", 2015)
GROSS = ("Gross and Wilber, fb.resnet.torch", 2016)
HE_2016 = ("He et al. arXiv:1603.05027", 2016)
HE_2018 = ("He et al. arXiv:1812.01187", 2018)
XIE = ("Xie et al. arXiv:1611.05431", 2016)
ZAGORUYKO = ("Zagoruyko and Komodakis arXiv:1605.07146", 2016)
HU = ("Hu et al. arXiv:1709.01507", 2017)


def _build_resnet(form: ResNetForm, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet import ResNet

    return ResNet(form, classes, options)


def _build_resnet_v2(depth: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_v2 import build_resnet_v2

    return build_resnet_v2(depth, classes=classes, options=options)


def _resnet(
    name: str, source: tuple[str, int], form: ResNetForm, parameters: int, multiply_adds: int
) -> ModelEntry:
    return imagenet_model(name, partial(_build_resnet, form), *source, parameters, multiply_adds)


def _v1(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, is_stride_on_3x3=False)
    return _resnet(f"resnet{depth}_v1", HE_2015, form, parameters, multiply_adds)


def _v1b(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    return _resnet(f"resnet{depth}_v1b", GROSS, ResNetForm(depth), parameters, multiply_adds)


def _v1c(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, has_deep_stem=True)
    return _resnet(f"resnet{depth}_v1c", HE_2018, form, parameters, multiply_adds)


def _v1d(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, has_deep_stem=True, has_pooled_shortcut=True)
    return _resnet(f"resnet{depth}_v1d", HE_2018, form, parameters, multiply_adds)


def _v2(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_resnet_v2, depth)
    return imagenet_model(f"resnet{depth}_v2", build, *HE_2016, parameters, multiply_adds)


def _resnext(depth: int, groups: int, width: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, groups=groups, width_per_group=width)
    return _resnet(f"resnext{depth}_{groups}x{width}d", XIE, form, parameters, multiply_adds)


def _wide(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, width_per_group=128)
    return _resnet(f"wide_resnet{depth}_2", ZAGORUYKO, form, parameters, multiply_adds)


def _se(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, has_squeeze_excitation=True)
    return _resnet(f"seresnet{depth}", HU, form, parameters, multiply_adds)


def _se_resnext(depth: int, groups: int, width: int, parameters: int, multiply_adds: int) -> ModelEntry:
    form = ResNetForm(depth, groups=groups, width_per_group=width, has_squeeze_excitation=True)
    return _resnet(f"seresnext{depth}_{groups}x{width}d", HU, form, parameters, multiply_adds)


ENTRIES = (
    _v1(18, 11_689_512, 1_814_073_344),
    _v1(34, 21_797_672, 3_663_761_408),
    _v1(50, 25_557_032, 3_857_973_248),
    _v1(101, 44_549_160, 7_570_194_432),
    _v1(152, 60_192_808, 11_282_415_616),
    _v1b(18, 11_689_512, 1_814_073_344),
    _v1b(34, 21_797_672, 3_663_761_408),
    _v1b(50, 25_557_032, 4_089_184_256),
    _v1b(101, 44_549_160, 7_801_405_440),
    _v1b(152, 60_192_808, 11_513_626_624),
    _v1c(18, 11_708_744, 2_053_713_920),
    _v1c(34, 21_816_904, 3_903_401_984),
    _v1c(50, 25_576_264, 4_328_824_832),
    _v1c(101, 44_568_392, 8_041_046_016),
    _v1c(152, 60_212_040, 11_753_267_200),
    _v1d(18, 11_708_744, 2_053_713_920),
    _v1d(34, 21_816_904, 3_903_401_984),
    _v1d(50, 25_576_264, 4_328_824_832),
    _v1d(101, 44_568_392, 8_041_046_016),
    _v1d(152, 60_212_040, 11_753_267_200),
    _v2(18, 11_687_720, 1_814_073_344),
    _v2(34, 21_795_880, 3_663_761_408),
    _v2(50, 25_549_352, 4_089_184_256),
    _v2(101, 44_541_480, 7_801_405_440),
    _v2(152, 60_185_128, 11_513_626_624),
    _resnext(50, 32, 4, 25_028_904, 4_230_479_872),
    _resnext(101, 32, 4, 44_177_704, 7_969_996_800),
    _resnext(101, 32, 8, 88_791_336, 16_414_015_488),
    _resnext(101, 64, 4, 83_455_272, 15_460_270_080),
    _wide(50, 68_883_240, 11_398_021_120),
    _wide(101, 126_886_696, 22_753_050_624),
    _se(18, 11_778_592, 1_814_160_384),
    _se(34, 21_958_868, 3_663_918_592),
    _se(50, 28_088_024, 4_091_699_200),
    _se(101, 49_326_872, 7_806_148_608),
    _se(152, 66_821_848, 11_520_204_800),
    _se_resnext(50, 32, 4, 27_559_896, 4_232_994_816),
    _se_resnext(101, 32, 4, 48_955_416, 7_974_739_968),
    _se_resnext(101, 32, 8, 93_569_048, 16_418_758_656),
    _se_resnext(101, 64, 4, 88_232_984, 15_465_013_248),
)
