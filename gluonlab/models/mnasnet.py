"""MNASNet-B1: Tan et al. 2018 (arXiv:1807.11626), figure 7 (a), at several widths.

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. Batch normalisation has momentum 0.9997, as in torchvision. Convolutions start as He et al. 2015
say, as in torchvision.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.rounding import round_to_eight
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

STEM_CHANNELS = 32
FIRST_CHANNELS = 16
STAGES = (
    (3, 24, 3, 2, 3),
    (3, 40, 3, 2, 5),
    (6, 80, 3, 2, 5),
    (6, 96, 2, 1, 3),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""Expansion, channels, blocks, stride and kernel of the rows of the figure."""
LAST_CHANNELS = 1280
DROPOUT = 0.2


class InvertedResidual(gluon.HybridBlock):
    """Expansion, depthwise convolution, projection, and a shortcut where shapes are equal."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        stride: int,
        expansion: int,
        options: ModelOptions,
    ) -> None:
        super().__init__()
        self._has_shortcut = stride == 1 and in_channels == channels
        width = in_channels * expansion
        self.layers = sequence(
            conv(in_channels, width, 1), batch_norm(width, options), nn.Activation("relu"),
            conv(width, width, kernel, stride, groups=width), batch_norm(width, options),
            nn.Activation("relu"),
            conv(width, channels, 1),
            batch_norm(channels, options, is_zero=self._has_shortcut and options.zero_last_gamma),
        )  # fmt: skip
        if self._has_shortcut:
            self.drop = BranchDrop()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return x + self.drop(self.layers(x)) if self._has_shortcut else self.layers(x)


class MNASNet(gluon.nn.HybridSequential):
    """Stem, a separable convolution, inverted residuals, pooling and classifier, in the order they are set.

    ``width`` multiplies all channels but those of the last convolution. Images (N, input_channels, H, W)
    become logits (N, classes); H and W are 224 in the paper, and may be any number from 32 on.
    """

    def __init__(self, width: float, classes: int, options: ModelOptions) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=0.9997, epsilon=1e-5)
        stem, channels = round_to_eight(STEM_CHANNELS * width), round_to_eight(FIRST_CHANNELS * width)
        layers = [
            conv(options.input_channels or 3, stem, 3, 2), batch_norm(stem, options), nn.Activation("relu"),
            conv(stem, stem, 3, groups=stem), batch_norm(stem, options), nn.Activation("relu"),
            conv(stem, channels, 1), batch_norm(channels, options),
        ]  # fmt: skip
        for expansion, stage_channels, blocks, stride, kernel in STAGES:
            out_channels = round_to_eight(stage_channels * width)
            first = InvertedResidual(channels, out_channels, kernel, stride, expansion, options)
            others = (
                InvertedResidual(out_channels, out_channels, kernel, 1, expansion, options)
                for _ in range(blocks - 1)
            )
            layers.append(sequence(first, *others))
            channels = out_channels
        layers += [
            conv(channels, LAST_CHANNELS, 1), batch_norm(LAST_CHANNELS, options), nn.Activation("relu")
        ]  # fmt: skip
        self.layers = sequence(*layers)
        self.pool = nn.GlobalAvgPool2D()
        self.classifier = sequence(
            nn.Dropout(options.dropout_or(DROPOUT)), classifier(LAST_CHANNELS, classes)
        )
