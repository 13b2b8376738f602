"""The table of all models, and how to make one of them.

Nothing here imports MXNet until a net is built, so listing the models is quick.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from gluonlab.errors import ConfigError, Problem
from gluonlab.models.options import ModelOptions

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

DEFAULT_OPTIONS = ModelOptions()


@dataclass(frozen=True)
class ModelEntry:
    """A model that can be made by name.

    ``build`` makes the net from a number of classes and options. ``input_shape`` is (channels, height,
    width) of the images that it is meant for, ``parameters`` the number of trainable ones with the
    default ``classes`` and options.
    """

    name: str
    build: Callable[[int, ModelOptions], gluon.HybridBlock]
    input_shape: tuple[int, int, int]
    classes: int
    paper: str
    year: int
    parameters: int


def _build_resnet(
    depth: int, is_stride_on_3x3: bool, classes: int, options: ModelOptions
) -> gluon.HybridBlock:
    from gluonlab.models.resnet import build_resnet

    return build_resnet(depth, is_stride_on_3x3=is_stride_on_3x3, classes=classes, options=options)


def _build_resnet_v2(depth: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_v2 import build_resnet_v2

    return build_resnet_v2(depth, classes=classes, options=options)


def _build_cifar_resnet(depth: int, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_small import build_cifar_resnet

    return build_cifar_resnet(depth, classes=classes, options=options)


def _build_small_resnet8(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_small import build_small_resnet8

    return build_small_resnet8(classes=classes, options=options)


def _build_cifar_resnet8_stride2(classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.resnet_small import build_cifar_resnet8_stride2

    return build_cifar_resnet8_stride2(classes=classes, options=options)


def _v1(depth: int, parameters: int) -> ModelEntry:
    build = partial(_build_resnet, depth, False)
    return ModelEntry(
        f"resnet{depth}_v1", build, (3, 224, 224), 1000, "He et al. arXiv:1512.03385", 2015, parameters
    )


def _v1b(depth: int, parameters: int) -> ModelEntry:
    build = partial(_build_resnet, depth, True)
    return ModelEntry(
        f"resnet{depth}_v1b",
        build,
        (3, 224, 224),
        1000,
        "Gross and Wilber, fb.resnet.torch",
        2016,
        parameters,
    )


def _v2(depth: int, parameters: int) -> ModelEntry:
    build = partial(_build_resnet_v2, depth)
    return ModelEntry(
        f"resnet{depth}_v2", build, (3, 224, 224), 1000, "He et al. arXiv:1603.05027", 2016, parameters
    )


def _cifar(depth: int, parameters: int) -> ModelEntry:
    build = partial(_build_cifar_resnet, depth)
    return ModelEntry(
        f"cifar_resnet{depth}", build, (3, 32, 32), 10, "He et al. arXiv:1512.03385", 2015, parameters
    )


_ENTRIES = (
    ModelEntry(
        "cifar_resnet8_stride2",
        _build_cifar_resnet8_stride2,
        (3, 32, 32),
        10,
        "after He et al. arXiv:1512.03385",
        2015,
        75_290,
    ),
    _cifar(20, 269_722),
    _cifar(32, 464_154),
    _cifar(44, 658_586),
    _cifar(56, 853_018),
    _cifar(110, 1_727_962),
    _v1(18, 11_689_512),
    _v1b(18, 11_689_512),
    _v2(18, 11_687_720),
    _v1(34, 21_797_672),
    _v1b(34, 21_797_672),
    _v2(34, 21_795_880),
    _v1(50, 25_557_032),
    _v1b(50, 25_557_032),
    _v2(50, 25_549_352),
    _v1(101, 44_549_160),
    _v1b(101, 44_549_160),
    _v2(101, 44_541_480),
    _v1(152, 60_192_808),
    _v1b(152, 60_192_808),
    _v2(152, 60_185_128),
    ModelEntry(
        "small_resnet8",
        _build_small_resnet8,
        (1, 28, 28),
        10,
        "after He et al. arXiv:1512.03385",
        2015,
        75_002,
    ),
)
MODELS: dict[str, ModelEntry] = {entry.name: entry for entry in _ENTRIES}


def list_models(pattern: str = "*") -> list[ModelEntry]:
    """The models whose names match the shell pattern, in the order of the table."""
    return [model for name, model in MODELS.items() if fnmatchcase(name, pattern)]


def entry(name: str) -> ModelEntry:
    """The model called ``name``; raises `ConfigError` CFG09, with what else may be meant."""
    if name in MODELS:
        return MODELS[name]
    alike = [known for known in MODELS if name in known] + get_close_matches(name, MODELS, n=3)
    hint = (
        f"did you mean {', '.join(list(dict.fromkeys(alike))[:3])}?"
        if alike
        else "gluonlab models list shows all"
    )
    raise ConfigError("CFG09", "model.name", f"unknown model {name!r}", hint)


def create(
    name: str,
    *,
    classes: Optional[int] = None,
    pretrained: Optional[Path] = None,
    options: ModelOptions = DEFAULT_OPTIONS,
) -> gluon.HybridBlock:
    """The net called ``name``, with logits (N, classes); without ``classes``, the model's default.

    ``pretrained`` is a safetensors file or a checkpoint directory: the net comes back initialised on
    the CPU with its weights. Without it, the net comes back with all shapes known, not initialised.
    Raises `ConfigError` CFG09 for an unknown name or impossible options, `CheckpointError` CKP03 or
    CKP06 for a file that cannot be read or does not fit.
    """
    model = entry(name)
    classes = model.classes if classes is None else classes
    _check(classes, options)
    net = model.build(classes, options)
    if options.stochastic_depth:
        _drop_branches(net, model, options.stochastic_depth)
    if pretrained is not None:
        from gluonlab.models.pretrained import load_weights

        net.initialize()
        load_weights(net, Path(pretrained), model=name)
    return net


def _check(classes: int, options: ModelOptions) -> None:
    channels = options.input_channels
    problems = []
    if classes < 1:
        problems.append(_problem("classes", classes, "at least 1"))
    if channels is not None and channels < 1:
        problems.append(_problem("input_channels", channels, "at least 1"))
    if not 0 <= options.bn_momentum < 1:
        problems.append(_problem("bn_momentum", options.bn_momentum, "at least 0, less than 1"))
    if not options.bn_epsilon > 0:
        problems.append(_problem("bn_epsilon", options.bn_epsilon, "more than 0"))
    for key in ("dropout", "stochastic_depth"):
        if not 0 <= getattr(options, key) < 1:
            problems.append(_problem(key, getattr(options, key), "at least 0, less than 1"))
    if problems:
        raise ConfigError.from_problems(problems)


def _drop_branches(net: gluon.HybridBlock, model: ModelEntry, rate: float) -> None:
    from gluonlab.models.stochastic_depth import set_stochastic_depth

    if set_stochastic_depth(net, rate) == 0:
        raise ConfigError(
            "CFG30", "model.stochastic_depth", f"{model.name} has no residual branches to leave out"
        )


def _problem(key: str, value: float, allowed: str) -> Problem:
    return Problem("CFG09", f"model.{key}", f"{value} is out of range", f"must be {allowed}")
