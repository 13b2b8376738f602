"""The network of the CIFAR-10 speedrun: Jordan 2024 (arXiv:2404.00498), section 3."""

from __future__ import annotations

import math
from typing import Any

from gluonlab.models.layers import batch_norm, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn
WHITENING_KERNEL = 2


class SpeedNet(gluon.HybridBlock):
    """A 2x2 convolution without padding, three groups of two 3x3 convolutions, and a classifier without bias.

    ``widths`` are the channels of the groups, each of which halves the image. Activations are GELU. Images
    (N, input_channels, H, W) become logits (N, classes); H and W may be any number from 25 on.
    """

    def __init__(self, widths: tuple[int, ...], *, classes: int, options: ModelOptions) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=0.6, epsilon=1e-12)
        inputs = options.input_channels or 3
        width = 2 * inputs * WHITENING_KERNEL**2
        bound = 1 / math.sqrt(inputs * WHITENING_KERNEL**2)
        self.whiten = nn.Conv2D(
            width,
            WHITENING_KERNEL,
            in_channels=inputs,
            weight_initializer=mx.init.Uniform(bound),
            bias_initializer="zeros",
        )
        self.act = nn.GELU()
        self.groups = sequence()
        for channels in widths:
            self.groups.add(_group(width, channels, options))
            width = channels
        self.pool = nn.MaxPool2D(3)
        self.dropout = sequence(*([nn.Dropout(options.dropout)] if options.dropout else []))
        # Uniform, with a standard deviation of 1.
        self.output = nn.Dense(
            classes, use_bias=False, in_units=width, weight_initializer=mx.init.Uniform(math.sqrt(3))
        )

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images to logits."""
        features = self.pool(self.groups(self.act(self.whiten(x))))
        return self.output(self.dropout(F.max(features, axis=(2, 3))))


def _group(in_channels: int, channels: int, options: ModelOptions) -> gluon.HybridBlock:
    return sequence(
        _conv(in_channels, channels),
        nn.MaxPool2D(2),
        batch_norm(channels, options),
        nn.GELU(),
        _conv(channels, channels),
        batch_norm(channels, options),
        nn.GELU(),
    )


def _conv(in_channels: int, channels: int) -> gluon.HybridBlock:
    """Without bias; weights are uniform within 1 / sqrt(inputs), as PyTorch starts them."""
    start = mx.init.Uniform(1 / math.sqrt(9 * in_channels))
    return nn.Conv2D(
        channels, 3, padding=1, use_bias=False, in_channels=in_channels, weight_initializer=start
    )


def build_speednet94(*, classes: int, options: ModelOptions) -> SpeedNet:
    """The one that reaches 94 % in the speedrun."""
    return SpeedNet((64, 256, 256), classes=classes, options=options)
