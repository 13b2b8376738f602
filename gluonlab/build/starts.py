"""How the recipe has a network start, once its weights are drawn."""

from __future__ import annotations

from typing import Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.build.data import build_val_augmentation
from gluonlab.config.schema import Config
from gluonlab.data.decode import read_view
from gluonlab.data.source import Source
from gluonlab.errors import ConfigError
from gluonlab.models.starts import first_filters, fix_gammas, start_as_identity, whitening_filters
from gluonlab.runtime.mxnet import gluon, nd


def apply_starts(config: Config, net: gluon.Block, images: Optional[Source]) -> None:
    """Fix and set the parameters of ``net`` that the recipe wants so, whitening by the training ``images``.

    Without images the values of the first layer stay, for a checkpoint to bring them.

    Raises:
        ConfigError: CFG30 the network, or the data set, has not what the recipe asks for.
    """
    model = config.model
    if model.fixed_gamma and not fix_gammas(net):
        raise ConfigError("CFG30", "model.fixed_gamma", f"{model.name} has no BatchNorm")
    if model.identity_start and not start_as_identity(net):
        raise ConfigError(
            "CFG30", "model.identity_start", f"{model.name} has no convolution that could pass on"
        )
    if not model.whitening:
        return
    filters = first_filters(net, model.name)
    filters.grad_req = "null"
    if config.data.name == "synthetic":
        raise ConfigError("CFG30", "model.whitening", "synthetic data has no patches to whiten")
    if images is not None:
        covariance = patch_covariance(config, images, filters.shape[2:])
        filters.set_data(nd.array(whitening_filters(covariance).reshape(filters.shape)))


def patch_covariance(config: Config, images: Source, size: tuple[int, int]) -> NDArray[np.float64]:
    """Mean products of the values of patches of ``size``, as the network sees them: (n, n), not centred.

    Of the first ``model.whitening`` training images, without augmentation, all patches.
    """
    data, (height, width) = config.data, size
    mean, std = np.array(data.mean, np.float32), np.array(data.std, np.float32)
    augmentation = build_val_augmentation(data)
    total, count = np.zeros((height * width * data.channels,) * 2), 0
    for index in range(min(config.model.whitening, len(images))):
        image = read_view(images, index, augmentation, np.empty(0))
        values = ((image.astype(np.float32) - mean) / std).transpose(2, 0, 1)
        windows = np.lib.stride_tricks.sliding_window_view(values, (data.channels, *size))[0]
        patches = windows.reshape(-1, len(total)).astype(np.float64)
        total += patches.T @ patches
        count += len(patches)
    return total / count
