"""ConvNeXt (Liu et al. 2022, arXiv:2201.03545) and V2 (Woo et al. 2023, arXiv:2301.00808).

Parameters have timm's names, but that the layer scale is ``scale.factor`` and not ``gamma``, and that MXNet
calls a norm's ``weight`` and ``bias`` ``gamma`` and ``beta``. All weights start normal with deviation 0.02,
as in the authors' code.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.convnext_form import ConvNeXtForm
from gluonlab.models.layers import LayerScale, ResponseNorm, classifier, dense, layer_norm, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn

MLP_EXPANSION = 4
SCALE_START = 1e-6


class ChannelNorm(gluon.HybridBlock):
    """Normalises each pixel of (N, C, H, W) images over its channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = layer_norm(channels)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images to images of the same shape."""
        return F.transpose(self.norm(F.transpose(x, axes=(0, 2, 3, 1))), axes=(0, 3, 1, 2))


class Mlp(gluon.nn.HybridSequential):
    """Two fully connected layers over the channels, with GELU and maybe a response norm between them."""

    def __init__(self, channels: int, *, has_response_norm: bool) -> None:
        super().__init__()
        self.fc1 = dense(channels, MLP_EXPANSION * channels)
        self.act = nn.GELU()
        if has_response_norm:
            self.grn = ResponseNorm(MLP_EXPANSION * channels)
        self.fc2 = dense(MLP_EXPANSION * channels, channels)


class Block(gluon.HybridBlock):
    """7x7 depthwise convolution, norm, two fully connected layers, and a shortcut: figure 4."""

    def __init__(self, channels: int, form: ConvNeXtForm) -> None:
        super().__init__()
        self.conv_dw = convolution(channels, channels, 7, padding=3, groups=channels)
        self.norm = layer_norm(channels)
        self.mlp = Mlp(channels, has_response_norm=form.has_response_norm)
        self.scale = sequence() if form.has_response_norm else LayerScale(channels, SCALE_START)
        self.drop = BranchDrop(keeps_first=True)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, channels, H, W) to images of the same shape."""
        branch = F.transpose(self.conv_dw(x), axes=(0, 2, 3, 1))
        branch = self.scale(self.mlp(self.norm(branch)))
        return x + self.drop(F.transpose(branch, axes=(0, 3, 1, 2)))


class Stage(gluon.nn.HybridSequential):
    """Blocks, behind a norm and a convolution that halves the image where the channels change."""

    def __init__(self, in_channels: int, channels: int, blocks: int, form: ConvNeXtForm) -> None:
        super().__init__()
        if in_channels != channels:
            self.downsample = sequence(
                ChannelNorm(in_channels), convolution(in_channels, channels, 2, stride=2)
            )
        self.blocks = sequence(*(Block(channels, form) for _ in range(blocks)))


class ConvNeXt(gluon.nn.HybridSequential):
    """Stem, four stages, pooling, norm and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may be any
    number from 32 on.
    """

    def __init__(self, form: ConvNeXtForm, classes: int, options: ModelOptions) -> None:
        super().__init__()
        width = form.channels[0]
        self.stem = sequence(convolution(options.input_channels or 3, width, 4, stride=4), ChannelNorm(width))
        self.stages = sequence()
        for channels, blocks in zip(form.channels, form.blocks):
            self.stages.add(Stage(width, channels, blocks, form))
            width = channels
        self.pool = nn.GlobalAvgPool2D()
        self.head = sequence()
        self.head.flatten = nn.Flatten()
        self.head.norm = layer_norm(width)
        self.head.drop = nn.Dropout(options.dropout_or(0.0))
        self.head.fc = classifier(width, classes, deviation=0.02)


def convolution(
    in_channels: int, channels: int, kernel: int, *, stride: int = 1, padding: int = 0, groups: int = 1
) -> gluon.HybridBlock:
    """A convolution with a bias, and initial weights as in the authors' code."""
    return nn.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding=padding,
        groups=groups,
        in_channels=in_channels,
        weight_initializer=mx.init.Normal(0.02),
    )
