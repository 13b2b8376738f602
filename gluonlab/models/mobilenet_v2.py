"""MobileNet v2: Sandler et al. 2018 (arXiv:1801.04381), table 2.

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. Convolutions start as He et al. 2015 say, as in torchvision.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, normalised_conv, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.rounding import round_to_eight
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
"""Expansion, channels, blocks and stride: columns t, c, n and s of table 2."""
STEM_CHANNELS = 32
LAST_CHANNELS = 1280
DROPOUT = 0.2


class ReLU6(gluon.HybridBlock):
    """min(max(x, 0), 6)."""

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape to the same."""
        return F.clip(x, 0, 6)


class InvertedResidual(gluon.HybridBlock):
    """Expansion, depthwise 3x3 convolution, projection, and a shortcut where shapes are equal: figure 4."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, expansion: int, options: ModelOptions
    ) -> None:
        super().__init__()
        self._has_shortcut = stride == 1 and in_channels == channels
        width = in_channels * expansion
        expand = [] if expansion == 1 else [normalised_conv(in_channels, width, 1, 1, ReLU6(), options)]
        self.conv = sequence(
            *expand,
            normalised_conv(width, width, 3, stride, ReLU6(), options, groups=width),
            conv(width, channels, 1),
            batch_norm(channels, options, is_zero=self._has_shortcut and options.zero_last_gamma),
        )
        if self._has_shortcut:
            self.drop = BranchDrop()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return x + self.drop(self.conv(x)) if self._has_shortcut else self.conv(x)


class MobileNetV2(gluon.nn.HybridSequential):
    """Stem, inverted residuals, a 1x1 convolution, pooling and classifier, run in the order they are set.

    ``width`` multiplies all channels but the last convolution's, which never has fewer than 1,280. Images
    (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may be any
    number from 32 on.
    """

    def __init__(self, width: float, classes: int, options: ModelOptions) -> None:
        super().__init__()
        channels = round_to_eight(STEM_CHANNELS * width)
        layers = [normalised_conv(options.input_channels or 3, channels, 3, 2, ReLU6(), options)]
        for expansion, stage_channels, blocks, stride in STAGES:
            out_channels = round_to_eight(stage_channels * width)
            for number in range(blocks):
                first_stride = stride if number == 0 else 1
                layers.append(InvertedResidual(channels, out_channels, first_stride, expansion, options))
                channels = out_channels
        last_channels = round_to_eight(LAST_CHANNELS * max(1.0, width))
        layers.append(normalised_conv(channels, last_channels, 1, 1, ReLU6(), options))
        self.features = sequence(*layers)
        self.pool = nn.GlobalAvgPool2D()
        self.classifier = sequence(
            nn.Dropout(options.dropout_or(DROPOUT)), classifier(last_channels, classes)
        )
