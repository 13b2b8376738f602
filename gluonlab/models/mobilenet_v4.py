"""MobileNet v4 of convolutions alone: Qin et al. 2024 (arXiv:2404.10518).

Parameters have timm's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma`` and
``beta``. Convolutions start as He et al. 2015 say.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, sequence
from gluonlab.models.mobilenet_v4_form import BlockForm, Fused, MobileNetV4Form, Plain, Universal
from gluonlab.models.options import ModelOptions
from gluonlab.models.rounding import round_to_eight
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

LAST_CHANNELS = 1280
FUSED_EXPANSION = 4


class ConvNorm(gluon.nn.HybridSequential):
    """Convolution, batch normalisation and, where there is one, a ReLU."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int,
        options: ModelOptions,
        *,
        stride: int = 1,
        groups: int = 1,
        has_relu: bool = False,
        is_zero: bool = False,
    ) -> None:
        super().__init__()
        self.conv = conv(in_channels, channels, kernel, stride, groups=groups)
        self.bn = batch_norm(channels, options, is_zero=is_zero)
        if has_relu:
            self.relu = nn.Activation("relu")


class UniversalBottleneck(gluon.HybridBlock):
    """Expansion and projection with depthwise convolutions around, and a shortcut: figure 4."""

    def __init__(self, in_channels: int, form: Universal, stride: int, options: ModelOptions) -> None:
        super().__init__()
        self._has_shortcut = stride == 1 and in_channels == form.channels
        width = round_to_eight(in_channels * form.expansion)
        self.branch = sequence()
        if form.start is not None:
            first_stride = stride if form.middle is None else 1
            self.branch.dw_start = ConvNorm(
                in_channels, in_channels, form.start, options, stride=first_stride, groups=in_channels
            )
        self.branch.pw_exp = ConvNorm(in_channels, width, 1, options, has_relu=True)
        if form.middle is not None:
            self.branch.dw_mid = ConvNorm(
                width, width, form.middle, options, stride=stride, groups=width, has_relu=True
            )
        is_zero = self._has_shortcut and options.zero_last_gamma
        self.branch.pw_proj = ConvNorm(width, form.channels, 1, options, is_zero=is_zero)
        if self._has_shortcut:
            self.drop = BranchDrop()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return x + self.drop(self.branch(x)) if self._has_shortcut else self.branch(x)


class FusedBottleneck(gluon.nn.HybridSequential):
    """A 3x3 convolution that expands the channels and halves the image, and a projection."""

    def __init__(self, in_channels: int, channels: int, options: ModelOptions) -> None:
        super().__init__()
        width = FUSED_EXPANSION * in_channels
        self.conv_exp = conv(in_channels, width, 3, stride=2)
        self.bn1 = batch_norm(width, options)
        self.relu = nn.Activation("relu")
        self.conv_pwl = conv(width, channels, 1)
        self.bn2 = batch_norm(channels, options)


class MobileNetV4(gluon.nn.HybridSequential):
    """Stem, five stages, pooling, a fully connected layer and a classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W may be any number from 32 on.
    """

    def __init__(self, form: MobileNetV4Form, classes: int, options: ModelOptions) -> None:
        super().__init__()
        channels = form.stem_channels
        self.conv_stem = conv(options.input_channels or 3, channels, 3, stride=2)
        self.bn1 = batch_norm(channels, options)
        self.relu1 = nn.Activation("relu")
        self.blocks = sequence()
        for stage in form.stages:
            blocks = []
            for block in stage:
                blocks += made(block, channels, options)
                channels = block.channels
            self.blocks.add(sequence(*blocks))
        self.pool = nn.GlobalAvgPool2D()
        self.conv_head = conv(channels, LAST_CHANNELS, 1)
        self.norm_head = batch_norm(LAST_CHANNELS, options)
        self.relu2 = nn.Activation("relu")
        self.dropout = nn.Dropout(options.dropout_or(0.0))
        self.classifier = classifier(LAST_CHANNELS, classes)


def made(form: BlockForm, in_channels: int, options: ModelOptions) -> list[gluon.HybridBlock]:
    """The blocks of ``form``, one behind the other."""
    if isinstance(form, Plain):
        return [ConvNorm(in_channels, form.channels, form.kernel, options, stride=form.stride, has_relu=True)]
    if isinstance(form, Fused):
        return [FusedBottleneck(in_channels, form.channels, options)]
    first = UniversalBottleneck(in_channels, form, form.stride, options)
    return [
        first, *(UniversalBottleneck(form.channels, form, 1, options) for _ in range(form.blocks - 1))
    ]  # fmt: skip
