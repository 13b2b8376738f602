"""EfficientNet (Tan and Le 2019, arXiv:1905.11946, table 1) and V2 (2021, arXiv:2104.00298, table 4).

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. Convolutions start as He et al. 2015 say, as in torchvision.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.efficientnet_form import EfficientNetForm, Stage
from gluonlab.models.layers import SiLU, SqueezeExcitation, classifier, normalised_conv, sequence
from gluonlab.models.mobilenet_v2 import ReLU6
from gluonlab.models.options import ModelOptions
from gluonlab.models.rounding import round_to_eight
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

LAST_EXPANSION = 4
"""Channels behind the last convolution of the first version, in units of those before it."""
SQUEEZE_RATIO = 4


class MBConv(gluon.HybridBlock):
    """Expansion, depthwise convolution, squeeze and excitation, projection, and a shortcut.

    The gate is made of a fourth of the channels that the block begins with. A fused block (V2, figure 2)
    has one full convolution in place of expansion and depthwise convolution, and no gate.
    """

    def __init__(
        self, in_channels: int, stride: int, stage: Stage, options: ModelOptions, *, is_lite: bool
    ) -> None:
        super().__init__()
        activation = ReLU6 if is_lite else SiLU
        self._has_shortcut = stride == 1 and in_channels == stage.channels
        width, kernel = round_to_eight(in_channels * stage.expansion), stage.kernel
        is_zero = self._has_shortcut and options.zero_last_gamma
        project = normalised_conv(width, stage.channels, 1, 1, None, options, is_zero=is_zero)
        if stage.is_fused and width == in_channels:
            layers = [
                normalised_conv(width, stage.channels, kernel, stride, activation(), options, is_zero=is_zero)
            ]
        elif stage.is_fused:
            layers = [normalised_conv(in_channels, width, kernel, stride, activation(), options), project]
        else:
            expand = (
                []
                if width == in_channels
                else [normalised_conv(in_channels, width, 1, 1, activation(), options)]
            )
            depthwise = normalised_conv(width, width, kernel, stride, activation(), options, groups=width)
            squeezed = max(1, in_channels // SQUEEZE_RATIO)
            gate = [] if is_lite else [SqueezeExcitation(width, squeezed, activation=activation())]
            layers = [*expand, depthwise, *gate, project]
        self.block = sequence(*layers)
        if self._has_shortcut:
            self.drop = BranchDrop()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return x + self.drop(self.block(x)) if self._has_shortcut else self.block(x)


class EfficientNet(gluon.nn.HybridSequential):
    """Stem, stages, a 1x1 convolution, pooling and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W may be any number from 32 on.
    """

    def __init__(self, form: EfficientNetForm, classes: int, options: ModelOptions) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=form.bn_momentum, epsilon=form.bn_epsilon)
        channels, activation = form.stem_channels, ReLU6 if form.is_lite else SiLU
        layers = [normalised_conv(options.input_channels or 3, channels, 3, 2, activation(), options)]
        for stage in form.stages:
            blocks = []
            for number in range(stage.blocks):
                stride = stage.stride if number == 0 else 1
                blocks.append(MBConv(channels, stride, stage, options, is_lite=form.is_lite))
                channels = stage.channels
            layers.append(sequence(*blocks))
        last_channels = form.last_channels or LAST_EXPANSION * channels
        layers.append(normalised_conv(channels, last_channels, 1, 1, activation(), options))
        self.features = sequence(*layers)
        self.pool = nn.GlobalAvgPool2D()
        self.classifier = sequence(
            nn.Dropout(options.dropout_or(form.dropout)), classifier(last_channels, classes)
        )
