"""ResNets for ImageNet: He et al. 2015 (arXiv:1512.03385), table 1.

``v1`` is the paper's form: a bottleneck halves the image in its first 1x1 convolution. ``v1b`` halves
it in the 3x3 convolution, as Gross and Wilber 2016 (fb.resnet.torch), Goyal et al. 2017 and torchvision
do. Both have the same parameters. Depths 18 and 34 have no bottlenecks: there, both are the same net.

Each ReLU is a layer of its own, as a layer that runs twice gives two nodes of one name in the symbol
graph, which an export to ONNX cannot tell apart.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, pooling, sequence
from gluonlab.models.options import ModelOptions
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

BlockFactory = Callable[[int, int, int], gluon.HybridBlock]
"""From (channels of the input, channels of the output, stride) to a residual block."""


class BasicBlock(gluon.HybridBlock):
    """Two 3x3 convolutions and a shortcut: figure 5, left."""

    def __init__(self, in_channels: int, channels: int, stride: int, options: ModelOptions) -> None:
        super().__init__()
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn1 = batch_norm(channels, options)
        self.conv2 = conv(channels, channels, 3)
        self.bn2 = batch_norm(channels, options, is_zero=options.zero_last_gamma)
        self.drop = BranchDrop()
        self.shortcut = projection_shortcut(in_channels, channels, stride, options)
        self.relu1 = nn.Activation("relu")
        self.relu2 = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.drop(self.bn2(self.conv2(residual)))
        return self.relu2(self.shortcut(x) + residual)


class Bottleneck(gluon.HybridBlock):
    """1x1, 3x3 and 1x1 convolutions and a shortcut: figure 5, right."""

    def __init__(
        self, in_channels: int, channels: int, stride: int, options: ModelOptions, *, is_stride_on_3x3: bool
    ) -> None:
        super().__init__()
        width = channels // BOTTLENECK_EXPANSION
        stride1, stride2 = (1, stride) if is_stride_on_3x3 else (stride, 1)
        self.conv1 = conv(in_channels, width, 1, stride1)
        self.bn1 = batch_norm(width, options)
        self.conv2 = conv(width, width, 3, stride2)
        self.bn2 = batch_norm(width, options)
        self.conv3 = conv(width, channels, 1)
        self.bn3 = batch_norm(channels, options, is_zero=options.zero_last_gamma)
        self.drop = BranchDrop()
        self.shortcut = projection_shortcut(in_channels, channels, stride, options)
        self.relu1 = nn.Activation("relu")
        self.relu2 = nn.Activation("relu")
        self.relu3 = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        residual = self.relu1(self.bn1(self.conv1(x)))
        residual = self.relu2(self.bn2(self.conv2(residual)))
        residual = self.drop(self.bn3(self.conv3(residual)))
        return self.relu3(self.shortcut(x) + residual)


def projection_shortcut(
    in_channels: int, channels: int, stride: int, options: ModelOptions
) -> gluon.HybridBlock:
    """Option B of He et al. 2015, section 3.3: the identity, or a 1x1 convolution where shapes differ."""
    if stride == 1 and in_channels == channels:
        return sequence()
    return sequence(conv(in_channels, channels, 1, stride), batch_norm(channels, options))


class ResNet(gluon.nn.HybridSequential):
    """Stem, four stages of residual blocks, pooling and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may
    be any number from 32 on.
    """

    def __init__(self, depth: int, block: BlockFactory, classes: int, options: ModelOptions) -> None:
        super().__init__()
        expansion = 1 if depth < 50 else BOTTLENECK_EXPANSION
        widths = [width * expansion for width in STAGE_WIDTHS]
        blocks = BLOCKS_PER_STAGE[depth]
        self.stem = sequence(
            conv(options.input_channels or 3, 64, 7, stride=2),
            batch_norm(64, options),
            nn.Activation("relu"),
            nn.MaxPool2D(pool_size=3, strides=2, padding=1),
        )
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


def build_resnet(depth: int, *, is_stride_on_3x3: bool, classes: int, options: ModelOptions) -> ResNet:
    """ResNet of 18, 34, 50, 101 or 152 layers; ``is_stride_on_3x3`` makes it v1b instead of v1."""
    block: BlockFactory
    if depth < 50:
        block = partial(BasicBlock, options=options)
    else:
        block = partial(Bottleneck, options=options, is_stride_on_3x3=is_stride_on_3x3)
    return ResNet(depth, block, classes, options)
