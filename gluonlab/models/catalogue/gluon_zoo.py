"""The models of MXNet's own ``gluon.model_zoo.vision``, as ``gluon:NAME``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.catalogue.resnet import HE_2015, HE_2016
from gluonlab.models.entry import IMAGENET, IMAGENET_MEAN, IMAGENET_STD, ModelEntry, Preprocessing
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

SIMONYAN = ("Simonyan and Zisserman arXiv:1409.1556", 2014)
KRIZHEVSKY = ("Krizhevsky arXiv:1404.5997", 2014)
HUANG = ("Huang et al. arXiv:1608.06993", 2016)
IANDOLA = ("Iandola et al. arXiv:1602.07360", 2016)
SZEGEDY = ("Szegedy et al. arXiv:1512.00567", 2015)
HOWARD = ("Howard et al. arXiv:1704.04861", 2017)
SANDLER = ("Sandler et al. arXiv:1801.04381", 2018)

INCEPTION = Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=342, crop=299)


def _build(
    name: str, input_shape: tuple[int, int, int], classes: int, options: ModelOptions
) -> gluon.HybridBlock:
    from gluonlab.models.bridged import build_zoo_net

    return build_zoo_net(name, input_shape, classes, options)


def _zoo(
    name: str,
    source: tuple[str, int],
    parameters: int,
    multiply_adds: int,
    preprocessing: Preprocessing = IMAGENET,
) -> ModelEntry:
    shape = (3, preprocessing.crop, preprocessing.crop)
    build = partial(_build, name, shape)
    return ModelEntry(f"gluon:{name}", build, shape, 1000, *source, parameters, multiply_adds, preprocessing)


ENTRIES = (
    _zoo("resnet18_v1", HE_2015, 11_689_512, 1_814_073_344),
    _zoo("resnet34_v1", HE_2015, 21_797_672, 3_663_761_408),
    _zoo("resnet50_v1", HE_2015, 25_575_912, 3_857_973_248),
    _zoo("resnet101_v1", HE_2015, 44_589_800, 7_570_194_432),
    _zoo("resnet152_v1", HE_2015, 60_252_648, 11_282_415_616),
    _zoo("resnet18_v2", HE_2016, 11_687_848, 1_814_073_344),
    _zoo("resnet34_v2", HE_2016, 21_796_008, 3_663_761_408),
    _zoo("resnet50_v2", HE_2016, 25_549_480, 4_089_184_256),
    _zoo("resnet101_v2", HE_2016, 44_541_608, 7_801_405_440),
    _zoo("resnet152_v2", HE_2016, 60_185_256, 11_513_626_624),
    _zoo("vgg11", SIMONYAN, 132_863_336, 7_609_090_048),
    _zoo("vgg13", SIMONYAN, 133_047_848, 11_308_466_176),
    _zoo("vgg16", SIMONYAN, 138_357_544, 15_470_264_320),
    _zoo("vgg19", SIMONYAN, 143_667_240, 19_632_062_464),
    _zoo("vgg11_bn", SIMONYAN, 132_868_840, 7_609_090_048),
    _zoo("vgg13_bn", SIMONYAN, 133_053_736, 11_308_466_176),
    _zoo("vgg16_bn", SIMONYAN, 138_365_992, 15_470_264_320),
    _zoo("vgg19_bn", SIMONYAN, 143_678_248, 19_632_062_464),
    _zoo("alexnet", KRIZHEVSKY, 61_100_840, 714_188_480),
    _zoo("densenet121", HUANG, 7_978_856, 2_834_161_664),
    _zoo("densenet161", HUANG, 28_681_000, 7_727_907_072),
    _zoo("densenet169", HUANG, 14_149_480, 3_359_843_328),
    _zoo("densenet201", HUANG, 20_013_928, 4_291_365_888),
    _zoo("squeezenet1.0", IANDOLA, 1_248_424, 818_924_576),
    _zoo("squeezenet1.1", IANDOLA, 1_235_496, 349_151_936),
    _zoo("inceptionv3", SZEGEDY, 23_834_568, 5_713_216_096, INCEPTION),
    _zoo("mobilenet1.0", HOWARD, 4_231_976, 568_740_352),
    _zoo("mobilenet0.75", HOWARD, 2_585_560, 325_400_448),
    _zoo("mobilenet0.5", HOWARD, 1_331_592, 149_497_088),
    _zoo("mobilenet0.25", HOWARD, 470_072, 41_030_272),
    _zoo("mobilenetv2_1.0", SANDLER, 3_504_960, 313_619_328),
    _zoo("mobilenetv2_0.75", SANDLER, 2_627_592, 186_650_528),
    _zoo("mobilenetv2_0.5", SANDLER, 1_964_736, 92_271_040),
    _zoo("mobilenetv2_0.25", SANDLER, 1_516_392, 30_480_864),
)
