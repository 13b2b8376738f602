"""AlexNet, VGG, GoogLeNet, Inception v3, SqueezeNet and DenseNet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.entry import IMAGENET_MEAN, IMAGENET_STD, ModelEntry, Preprocessing, imagenet_model
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

INCEPTION = Preprocessing((127.5,) * 3, (127.5,) * 3, resize=342, crop=299)
"""Of torchvision's weights, whose network takes ImageNet's mean and deviation back first."""
HALVES = Preprocessing((127.5,) * 3, (127.5,) * 3, resize=256, crop=224)
ALEXNET_BN = Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=256, crop=227)


def _build_alexnet(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.alexnet import AlexNet

    return AlexNet(classes, options)


def _build_alexnet_bn(has_pool5_norm: bool, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.alexnet import AlexNetBN

    return AlexNetBN(classes, options, has_pool5_norm=has_pool5_norm)


def _build_vgg(depth: int, has_batch_norm: bool, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.vgg import VGG

    return VGG(depth, classes, options, has_batch_norm=has_batch_norm)


def _build_squeezenet(version: str, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.squeezenet import SqueezeNet

    return SqueezeNet(version, classes, options)


def _build_densenet(depth: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.densenet import DenseNet

    return DenseNet(depth, classes, options)


def _build_googlenet(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.googlenet import GoogLeNet

    return GoogLeNet(classes, options)


def _build_inception(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.inception import InceptionV3

    return InceptionV3(classes, options)


def _alexnet_bn(
    name: str, has_pool5_norm: bool, paper: str, year: int, parameters: int, multiply_adds: int
) -> ModelEntry:
    build = partial(_build_alexnet_bn, has_pool5_norm)
    shape = (3, 227, 227)
    return ModelEntry(name, build, shape, 1000, paper, year, parameters, multiply_adds, ALEXNET_BN)


def _vgg(depth: int, parameters: int, parameters_with_norm: int, multiply_adds: int) -> list[ModelEntry]:
    paper = ("Simonyan and Zisserman arXiv:1409.1556", 2014)
    return [
        imagenet_model(
            f"vgg{depth}{suffix}", partial(_build_vgg, depth, bool(suffix)), *paper, count, multiply_adds
        )
        for suffix, count in (("", parameters), ("_bn", parameters_with_norm))
    ]


def _squeezenet(version: str, parameters: int, multiply_adds: int) -> ModelEntry:
    name = f"squeezenet{version.replace('.', '_')}"
    build = partial(_build_squeezenet, version)
    return imagenet_model(name, build, "Iandola et al. arXiv:1602.07360", 2016, parameters, multiply_adds)


def _densenet(depth: int, parameters: int, multiply_adds: int) -> ModelEntry:
    build = partial(_build_densenet, depth)
    paper = "Huang et al. arXiv:1608.06993"
    return imagenet_model(f"densenet{depth}", build, paper, 2016, parameters, multiply_adds)


ENTRIES = (
    imagenet_model("alexnet", _build_alexnet, "Krizhevsky arXiv:1404.5997", 2014, 61_100_840, 714_188_480),
    _alexnet_bn("alexnet_bn", False, "You et al. arXiv:1708.03888", 2017, 60_966_600, 724_406_816),
    _alexnet_bn("alexnet_bn_pool5", True, "Jia et al. arXiv:1807.11205", 2018, 60_967_112, 724_406_816),
    *_vgg(11, 132_863_336, 132_868_840, 7_609_090_048),
    *_vgg(13, 133_047_848, 133_053_736, 11_308_466_176),
    *_vgg(16, 138_357_544, 138_365_992, 15_470_264_320),
    *_vgg(19, 143_667_240, 143_678_248, 19_632_062_464),
    imagenet_model(
        "googlenet",
        _build_googlenet,
        "Szegedy et al. arXiv:1409.4842",
        2014,
        6_624_904,
        1_498_376_192,
        HALVES,
    ),
    imagenet_model(
        "inception_v3",
        _build_inception,
        "Szegedy et al. arXiv:1512.00567",
        2015,
        23_834_568,
        5_713_216_096,
        INCEPTION,
    ),
    _squeezenet("1.0", 1_248_424, 818_924_576),
    _squeezenet("1.1", 1_235_496, 349_151_936),
    _densenet(121, 7_978_856, 2_834_161_664),
    _densenet(161, 28_681_000, 7_727_907_072),
    _densenet(169, 14_149_480, 3_359_843_328),
    _densenet(201, 20_013_928, 4_291_365_888),
)
