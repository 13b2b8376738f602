"""GhostNet: Han et al. 2020 (arXiv:1911.11907), table 1.

Parameters have timm's names, but for gates, and that MXNet calls a norm's weight and bias gamma and beta.
Convolutions start as He et al. 2015 say.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from gluonlab.models.layers import SqueezeExcitation, batch_norm, classifier, conv, sequence
from gluonlab.models.mobilenet_v3 import HardSigmoid
from gluonlab.models.options import ModelOptions
from gluonlab.models.rounding import round_to_multiple
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

STEM_CHANNELS = 16
HIDDEN = 1280
DROPOUT = 0.2


@dataclass(frozen=True)
class BlockForm:
    """A row of table 1: the kernel, #exp, #out, SE and the stride."""

    kernel: int
    expanded: int
    channels: int
    has_squeeze_excitation: bool
    stride: int


STAGES = (
    (BlockForm(3, 16, 16, False, 1),),
    (BlockForm(3, 48, 24, False, 2),),
    (BlockForm(3, 72, 24, False, 1),),
    (BlockForm(5, 72, 40, True, 2),),
    (BlockForm(5, 120, 40, True, 1),),
    (BlockForm(3, 240, 80, False, 2),),
    (
        BlockForm(3, 200, 80, False, 1), BlockForm(3, 184, 80, False, 1), BlockForm(3, 184, 80, False, 1),
        BlockForm(3, 480, 112, True, 1), BlockForm(3, 672, 112, True, 1),
    ),
    (BlockForm(5, 672, 160, True, 2),),
    (
        BlockForm(5, 960, 160, False, 1), BlockForm(5, 960, 160, True, 1), BlockForm(5, 960, 160, False, 1),
        BlockForm(5, 960, 160, True, 1),
    ),
)  # fmt: skip


class GhostModule(gluon.HybridBlock):
    """Half of the channels by a 1x1 convolution, the others by a depthwise 3x3 of those: section 3.1."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        options: ModelOptions,
        *,
        has_relu: bool = True,
        is_zero: bool = False,
    ) -> None:
        super().__init__()
        half = channels // 2
        for name, convolution in (
            ("primary_conv", conv(in_channels, half, 1)),
            ("cheap_operation", conv(half, half, 3, groups=half)),
        ):
            activations = [nn.Activation("relu")] if has_relu else []
            norm = batch_norm(half, options, is_zero=is_zero)
            setattr(self, name, sequence(convolution, norm, *activations))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H, W)."""
        primary = self.primary_conv(x)
        # Along an axis of their own: oneDNN cannot take apart gradients whose halves are no blocks of 16.
        halves = [F.reshape(y, shape=(0, -4, 1, -1, -2)) for y in (primary, self.cheap_operation(primary))]
        return F.reshape(F.concat(*halves, dim=1), shape=(0, -3, -2))


class GhostBottleneck(gluon.HybridBlock):
    """A ghost module that expands and one that projects, beside a shortcut: section 3.2, figure 3."""

    def __init__(
        self, in_channels: int, expanded: int, channels: int, form: BlockForm, options: ModelOptions
    ) -> None:
        super().__init__()
        kernel, stride = form.kernel, form.stride
        self.ghost1 = GhostModule(in_channels, expanded, options)
        self._shrinks = stride > 1
        if self._shrinks:
            self.conv_dw = conv(expanded, expanded, kernel, stride, groups=expanded)
            self.bn_dw = batch_norm(expanded, options)
        self.se: Optional[gluon.HybridBlock] = None
        if form.has_squeeze_excitation:
            self.se = SqueezeExcitation(expanded, round_to_multiple(expanded / 4, 4), HardSigmoid())
        self.ghost2 = GhostModule(
            expanded, channels, options, has_relu=False, is_zero=options.zero_last_gamma
        )
        self.drop = BranchDrop()
        self.shortcut = sequence()
        if self._shrinks or in_channels != channels:
            self.shortcut = sequence(
                conv(in_channels, in_channels, kernel, stride, groups=in_channels),
                batch_norm(in_channels, options),
                conv(in_channels, channels, 1),
                batch_norm(channels, options),
            )

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        branch = self.ghost1(x)
        if self._shrinks:
            branch = self.bn_dw(self.conv_dw(branch))
        if self.se is not None:
            branch = self.se(branch)
        return self.drop(self.ghost2(branch)) + self.shortcut(x)


class GhostNet(gluon.nn.HybridSequential):
    """Stem, bottlenecks, a 1x1 convolution, pooling, a fully connected layer and a classifier, in this order.

    ``width`` multiplies all channels but those of the fully connected layer. Images (N, input_channels, H, W)
    become logits (N, classes); H and W are 224 in the paper, and may be any number from 32 on.
    """

    def __init__(self, width: float, classes: int, options: ModelOptions) -> None:
        super().__init__()
        channels = round_to_multiple(STEM_CHANNELS * width, 4)
        self.conv_stem = conv(options.input_channels or 3, channels, 3, 2)
        self.bn1 = batch_norm(channels, options)
        self.act1 = nn.Activation("relu")
        self.blocks = sequence()
        expanded = channels
        for forms in STAGES:
            stage = sequence()
            for form in forms:
                expanded, out = (
                    round_to_multiple(width * size, 4) for size in (form.expanded, form.channels)
                )
                stage.add(GhostBottleneck(channels, expanded, out, form, options))
                channels = out
            self.blocks.add(stage)
        last = sequence()
        last.conv = conv(channels, expanded, 1)
        last.bn1 = batch_norm(expanded, options)
        last.act = nn.Activation("relu")
        self.blocks.add(sequence(last))
        self.pool = nn.GlobalAvgPool2D()
        self.conv_head = conv(expanded, HIDDEN, 1, has_bias=True)
        self.act2 = nn.Activation("relu")
        self.dropout = nn.Dropout(options.dropout_or(DROPOUT))
        self.classifier = classifier(HIDDEN, classes)
