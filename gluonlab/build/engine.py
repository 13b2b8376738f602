"""A network that is validated in another way than it was trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.build.data import build_val_augmentation, open_split
from gluonlab.config.schema import Config
from gluonlab.data.decode import read_view
from gluonlab.errors import ConfigError
from gluonlab.inference.engines import make_engine
from gluonlab.inference.images import NO_DRAWS, normalise
from gluonlab.runtime.mxnet import gluon, nd

CALIBRATION_IMAGES = 64


def engine_network(
    config: Config, net: gluon.HybridBlock, engine: str, *, check: bool = True
) -> Callable[[Any], Any]:
    """What computes ``net`` by ``engine`` and is called as ``net`` is, with arrays on the CPU.

    With ``check``, the first call compares with ``net``, see `make_engine`.

    Raises:
        ConfigError: CFG79 if there is no such engine, or no training images to calibrate int8 with.
    """
    data = config.data
    images = _calibration_images(config) if engine == "int8" else None
    shape = (data.channels, data.val_size, data.val_size)
    compute = make_engine(net, engine, shape, calibration=images, check=check)
    return lambda images: nd.array(compute(images.asnumpy()))


def _calibration_images(config: Config) -> NDArray[np.float32]:
    """Training images, evenly chosen, as validation prepares them."""
    data = config.data
    source = open_split(data, "train")
    if source is None:
        raise ConfigError(
            "CFG79", "engine int8", "needs real images to calibrate with, the data is synthetic"
        )
    augmentation = build_val_augmentation(data)
    chosen = np.linspace(0, len(source) - 1, min(CALIBRATION_IMAGES, len(source))).astype(int)
    pixels = [read_view(source, int(index), augmentation, NO_DRAWS) for index in chosen]
    return normalise(np.stack(pixels), data.mean, data.std)
