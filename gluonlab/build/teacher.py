"""The trained network that a recipe's loss names, ready to be asked on the device of the run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.build.device import TORCH, Device
from gluonlab.build.network import build_torch_network
from gluonlab.build.opened_model import OpenedModel, open_model
from gluonlab.config.schema import Config
from gluonlab.data.teaching import Teacher
from gluonlab.errors import ConfigError
from gluonlab.losses.distillation import DistillationSection
from gluonlab.models.class_names import imagenet_classes
from gluonlab.models.inspection import sizes_refused_by
from gluonlab.models.lower_precision import compute_in_lower_precision
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.training.network import GluonNetwork, Network
from gluonlab.training.state import weights_sha256

_KEY = "loss.teacher"


def build_teacher(config: Config, device: Device, class_names: Sequence[str]) -> Optional[Teacher]:
    """The teacher of ``config``, whose classes are ``class_names``; None where it has none.

    Raises:
        ConfigError: CFG35 it is for other images or classes, CFG31 it cannot take the size of the images.
        CheckpointError: there is none, or it is damaged.
    """
    if not isinstance(config.loss, DistillationSection):
        return None
    opened = open_model(Path(config.loss.teacher))
    _check(config, opened, class_names)
    opened.net.collect_params().setattr("grad_req", "null")
    facts = {"model": opened.name, "weights_sha256": weights_sha256(opened.net)}
    predict = _network(config, opened.net, device).predict
    return Teacher(_as_it_was_taught(predict, opened, config, device.ctx), facts)


def _check(config: Config, opened: OpenedModel, class_names: Sequence[str]) -> None:
    data, name = config.data, opened.name
    if opened.channels != data.channels:
        raise ConfigError(
            "CFG35", _KEY, f"{name} is for {opened.channels} channels, data has {data.channels}"
        )
    sizes = {phase.data.image_size for phase in config.in_phases()}
    for size in sizes_refused_by(opened.net, data.channels, sizes):
        raise ConfigError("CFG31", _KEY, f"{name} cannot take images of {size} x {size}")
    images = (1, data.channels, data.image_size, data.image_size)
    _, ((_, classes),), _ = opened.net(mx.sym.var("data")).infer_shape(data=images)
    if classes != data.classes:
        raise ConfigError("CFG35", _KEY, f"{name} is for {classes} classes, data has {data.classes}")
    theirs = opened.class_names
    if not theirs or not class_names or theirs == imagenet_classes():  # these are a guess
        return
    for number, (its, ours) in enumerate(zip(theirs, class_names)):
        if its != ours:
            what = f"class {number} is {its!r} to {name}, and {ours!r} in the data"
            raise ConfigError("CFG35", _KEY, what)


def _network(config: Config, net: gluon.HybridBlock, device: Device) -> Network:
    if device.engine == TORCH:
        return build_torch_network(config, net, device)
    net.collect_params().reset_ctx(device.ctx)
    if config.hybridize:
        net.hybridize(static_alloc=True)
    if config.precision == "bfloat16" or config.precision == "float16":
        compute_in_lower_precision(net, config.precision)
    return GluonNetwork(net)


def _as_it_was_taught(
    predict: Callable[[Any], Any], opened: OpenedModel, config: Config, ctx: Any
) -> Callable[[Any], Any]:
    """``predict`` of images in the run's normalisation, where the teacher was trained with another one."""
    (mean, std), data = opened.normalisation, config.data
    if (tuple(mean), tuple(std)) == (tuple(data.mean), tuple(data.std)):
        return predict
    scale = np.divide(data.std, std)
    shift = np.subtract(data.mean, mean) / std
    scale, shift = (
        libraries.of(ctx).from_numpy(values.reshape(1, -1, 1, 1), ctx) for values in (scale, shift)
    )
    return lambda images: predict(images * scale + shift)
