"""Image classifiers of GluonCV as ``gluoncv:NAME``, where that package is installed."""

from __future__ import annotations

import warnings
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import Any

from gluonlab.commands import pip_command
from gluonlab.errors import ConfigError, SetupError
from gluonlab.models.bridged import adapt
from gluonlab.models.catalogue.cifar import CIFAR
from gluonlab.models.catalogue.gluon_zoo import INCEPTION
from gluonlab.models.entry import IMAGENET, IMAGENET_MEAN, IMAGENET_STD, ModelEntry, Preprocessing
from gluonlab.models.inspection import count_multiply_adds, count_parameters, shapes_in
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx

PREFIX = "gluoncv:"
VERSION = "0.10.5.post0"
GUO = ("Guo et al. arXiv:1907.04433", 2019)
"""The paper on GluonCV; it tells of no single network."""
PREPROCESSING = {
    "inceptionv3": INCEPTION,
    "xception": INCEPTION,
    "resnest101": Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=293, crop=256),
    "resnest200": Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=366, crop=320),
    "resnest269": Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=475, crop=416),
}
"""Of those that are not for 224 pixels; a shorter side of 8/7 of the crop."""
CLASSIFIERS = {
    "alexnet", "cifarresnet", "cifarresnext", "cifarwideresnet", "densenet", "dla", "hrnet", "inception",
    "mobilenet", "mobilenetv3", "pruned_resnet.resnetv1b_pruned", "residual_attentionnet", "resnest",
    "resnet", "resnetv1b", "resnext", "senet", "shufflenet", "squeezenet", "vgg", "xception", "yolo.darknet",
}  # fmt: skip
"""Modules of GluonCV's zoo with classifiers of images; others fetch weights as soon as a network is made."""


@lru_cache(maxsize=8)
def gluoncv_entry(name: str) -> ModelEntry:
    """What there is to say of ``gluoncv:NAME``; the network is built for it, so it takes a moment.

    Raises:
        SetupError: ENV76 GluonCV cannot be imported.
        ConfigError: CFG09 it has no such network, CFG75 the network is no classifier of single images.
    """
    theirs = name[len(PREFIX) :]
    is_small = theirs.startswith("cifar_")
    preprocessing = CIFAR if is_small else PREPROCESSING.get(theirs, IMAGENET)
    shape, classes = (3, preprocessing.crop, preprocessing.crop), 10 if is_small else 1000
    build = partial(_build, theirs, shape)
    net = build(classes, ModelOptions())
    counts = count_parameters(net), count_multiply_adds(net, shape)
    return ModelEntry(name, build, shape, classes, *GUO, *counts, preprocessing)


def _build(
    theirs: str, input_shape: tuple[int, int, int], classes: int, options: ModelOptions
) -> gluon.HybridBlock:
    makers = _makers()
    name = PREFIX + theirs
    if theirs not in makers:
        nearest = ", ".join(PREFIX + known for known in get_close_matches(theirs, makers, n=5))
        hint = f"did you mean {nearest}?" if nearest else ""
        raise ConfigError("CFG09", "model.name", f"GluonCV has no network called {theirs!r}", hint)
    if makers[theirs].__module__.partition("model_zoo.")[2] not in CLASSIFIERS:
        raise _no_classifier(name)
    try:
        net = makers[theirs](classes=classes)
        adapt(net, name, input_shape, options)
        output_shape = shapes_in(net(mx.sym.var("data")), (1, *input_shape))[-1][1]
    except ConfigError:
        raise
    except Exception as error:  # of code that is not ours: some of its networks want other libraries
        raise _no_classifier(name) from error
    if output_shape != (1, classes):
        raise _no_classifier(name)
    return net


def _no_classifier(name: str) -> ConfigError:
    return ConfigError("CFG75", "model.name", f"{name} is no network that classifies single images")


def _makers() -> dict[str, Any]:
    """GluonCV's functions by the names of the networks that they make."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GluonCV compares versions as was done long ago
        try:
            from gluoncv.model_zoo.model_zoo import _models
        except ImportError as error:
            raise SetupError(
                "ENV76",
                "gluoncv",
                f"cannot be imported: {error}",
                f"{pip_command('install', '--no-deps', f'gluoncv=={VERSION}')} and what docs/weights.md "
                "names beside it",
            ) from None
    return dict(_models)
