"""ResNets for ImageNet: He et al. 2015 (arXiv:1512.03385), table 1, and what was made of them.

`ResNetForm` says how they differ. Depths 18 and 34 have no bottlenecks: there, v1 and v1b are the same net.

Names against those of torchvision (and of timm, where torchvision has no such net): ``layer1.0`` is
``stage1.0``, ``downsample`` is ``shortcut``, ``fc`` is ``output``; ``conv1`` and ``bn1`` before the stages
are ``stem.0`` and ``stem.1``; in a deep stem ``conv1.N`` is ``stem.N`` and ``bn1`` is ``stem.7``. All
other names are equal, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma`` and ``beta``.

Each ReLU is a layer of its own, as a layer that runs twice gives two nodes of one name in the symbol
graph, which an export to ONNX cannot tell apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gluonlab.models.layers import SqueezeExcitation, batch_norm, classifier, conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.resnet_form import ResNetForm
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

BLOCKS_PER_STAGE = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
STAGE_WIDTHS = (64, 128, 256, 512)
BOTTLENECK_EXPANSION = 4
SQUEEZE_RATIO = 16

BlockFactory = Callable[[int, int, int], gluon.HybridBlock]
"""From (channels of the input, channels of the output, stride) to a residual block."""


class BasicBlock(gluon.HybridBlock):
    """Two 3x3 convolutions and a shortcut: figure 5, left."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, form: ResNetForm, options: ModelOptions
    ) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = batch_norm(channels, options)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = batch_norm(channels, options, is_zero=options.zero_last_gamma)
        self.se = squeeze_excitation(channels, form)
        self.drop = BranchDrop()
        self.shortcut = projection_shortcut(in_channels, channels, stride, form, options)
        self.relu1 = nn.Activation("relu")
        self.relu2 = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.drop(self.se(self.bn2(self.conv2(residual))))
        return self.relu2(self.shortcut(x) + residual)


class Bottleneck(gluon.HybridBlock):
    """1x1, 3x3 and 1x1 convolutions and a shortcut: figure 5, right."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, form: ResNetForm, options: ModelOptions
    ) -> None:
        super().__init__()
        width = channels // BOTTLENECK_EXPANSION * form.width_per_group // 64 * form.groups
        stride1, stride2 = (1, stride) if form.is_stride_on_3x3 else (stride, 1)
        self.conv1 = conv(in_channels, width, 1, stride1)
        self.bn1 = batch_norm(width, options)
        self.conv2 = conv(width, width, 3, stride2, groups=form.groups)
        self.bn2 = batch_norm(width, options)
        self.conv3 = conv(width, channels, 1)
        self.bn3 = batch_norm(channels, options, is_zero=options.zero_last_gamma)
        self.se = squeeze_excitation(channels, form)
        self.drop = BranchDrop()
        self.shortcut = projection_shortcut(in_channels, channels, stride, form, options)
        self.relu1 = nn.Activation("relu")
        self.relu2 = nn.Activation("relu")
        self.relu3 = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.relu2(self.bn2(self.conv2(residual)))
        residual = self.drop(self.se(self.bn3(self.conv3(residual))))
        return self.relu3(self.shortcut(x) + residual)


def squeeze_excitation(channels: int, form: ResNetForm) -> gluon.HybridBlock:
    """The layer that ends a branch, with its gate from a sixteenth of the channels; or the identity."""
    return (
        SqueezeExcitation(channels, channels // SQUEEZE_RATIO) if form.has_squeeze_excitation else sequence()
    )


def projection_shortcut(
    in_channels: int, channels: int, stride: int, form: ResNetForm, options: ModelOptions
) -> gluon.HybridBlock:
    """Option B of He et al. 2015, section 3.3: the identity, or a 1x1 convolution where shapes differ.

    A pooled shortcut averages 2x2 pixels before it; at the edge of an odd size, those that exist.
    """
    if stride == 1 and in_channels == channels:
        return sequence()
    if not form.has_pooled_shortcut:
        return sequence(conv(in_channels, channels, 1, stride), batch_norm(channels, options))
    pool = nn.AvgPool2D(2, ceil_mode=True, count_include_pad=False) if stride == 2 else sequence()
    return sequence(pool, conv(in_channels, channels, 1), batch_norm(channels, options))


def stem(form: ResNetForm, options: ModelOptions) -> gluon.HybridBlock:
    """From images to 64 channels of a quarter of their size."""
    channels = options.input_channels or 3
    if form.has_deep_stem:
        convolutions = [
            conv(channels, 32, 3, stride=2), batch_norm(32, options), nn.Activation("relu"),
            conv(32, 32, 3), batch_norm(32, options), nn.Activation("relu"),
            conv(32, 64, 3),
        ]  # fmt: skip
    else:
        convolutions = [conv(channels, 64, 7, stride=2)]
    pool = nn.MaxPool2D(pool_size=3, strides=2, padding=1)
    return sequence(*convolutions, batch_norm(64, options), nn.Activation("relu"), pool)


class ResNet(gluon.nn.HybridSequential):
    """Stem, four stages of residual blocks, pooling and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may
    be any number from 32 on.
    """

    def __init__(self, form: ResNetForm, classes: int, options: ModelOptions) -> None:
        super().__init__()
        is_deep = form.depth >= 50
        block: BlockFactory = partial(Bottleneck if is_deep else BasicBlock, form=form, options=options)
        widths = [width * (BOTTLENECK_EXPANSION if is_deep else 1) for width in STAGE_WIDTHS]
        blocks = BLOCKS_PER_STAGE[form.depth]
        self.stem = stem(form, options)
        self.stage1 = stage(block, blocks[0], 64, widths[0], stride=1)
        self.stage2 = stage(block, blocks[1], widths[0], widths[1], stride=2)
        self.stage3 = stage(block, blocks[2], widths[1], widths[2], stride=2)
        self.stage4 = stage(block, blocks[3], widths[2], widths[3], stride=2)
        self.pool = pooling(options)
        self.output = classifier(widths[3], classes)


def stage(
    block: BlockFactory, blocks: int, in_channels: int, channels: int, *, stride: int
) -> gluon.HybridBlock:
    """``blocks`` residual blocks; the first changes the channels and divides the size by ``stride``."""
    first = block(in_channels, channels, stride)
    return sequence(first, *(block(channels, channels, 1) for _ in range(blocks - 1)))
