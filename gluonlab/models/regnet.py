"""RegNet X and Y: Radosavovic et al. 2020 (arXiv:2003.13678), sections 4 and 5, in the sizes of torchvision.

Parameters have torchvision's names, but that block N of stage S is ``blockS.N`` and not ``blockS.blockS-N``,
and that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma`` and ``beta``. Convolutions start as He et
al. 2015 say, as in torchvision.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import SqueezeExcitation, classifier, normalised_conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.regnet_form import RegNetForm
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

STEM_CHANNELS = 32
SQUEEZE_RATIO = 0.25
"""Channels within the gate of a block, in units of those that the block begins with."""


class Block(gluon.HybridBlock):
    """1x1, grouped 3x3 and 1x1 convolutions and a shortcut: figure 3, without a bottleneck."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, form: RegNetForm, options: ModelOptions
    ) -> None:
        super().__init__()
        self._has_projection = stride != 1 or in_channels != channels
        if self._has_projection:
            self.proj = normalised_conv(in_channels, channels, 1, stride, None, options)
        groups = channels // min(form.group_width, channels)
        self.f = sequence()
        self.f.a = normalised_conv(in_channels, channels, 1, 1, nn.Activation("relu"), options)
        self.f.b = normalised_conv(
            channels, channels, 3, stride, nn.Activation("relu"), options, groups=groups
        )
        if form.has_squeeze_excitation:
            self.f.se = SqueezeExcitation(channels, round(SQUEEZE_RATIO * in_channels))
        self.f.c = normalised_conv(channels, channels, 1, 1, None, options, is_zero=options.zero_last_gamma)
        self.drop = BranchDrop()
        self.activation = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        shortcut = self.proj(x) if self._has_projection else x
        return self.activation(shortcut + self.drop(self.f(x)))


class RegNet(gluon.nn.HybridSequential):
    """Stem, four stages that each halve the image, pooling and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may be any
    number from 32 on.
    """

    def __init__(self, form: RegNetForm, classes: int, options: ModelOptions) -> None:
        super().__init__()
        width = STEM_CHANNELS
        self.stem = normalised_conv(options.input_channels or 3, width, 3, 2, nn.Activation("relu"), options)
        self.trunk_output = sequence()
        for number, (blocks, channels) in enumerate(zip(form.blocks, form.channels), start=1):
            first = Block(width, channels, 2, form, options)
            others = (Block(channels, channels, 1, form, options) for _ in range(blocks - 1))
            setattr(self.trunk_output, f"block{number}", sequence(first, *others))
            width = channels
        self.pool = pooling(options)
        self.fc = classifier(width, classes)
