"""Pre-activation ResNets for ImageNet: He et al. 2016 (arXiv:1603.05027), figure 4(e).

The form: no normalisation of the input; a bare stem convolution and max pooling; in each block, batch
normalisation and ReLU come before each convolution, and a projection shortcut reads the activated
input (no normalisation of its own); a last batch normalisation and ReLU before pooling; bottlenecks
halve the image in their 3x3 convolution; no convolution has a bias.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.resnet import (
    BLOCKS_PER_STAGE,
    BOTTLENECK_EXPANSION,
    STAGE_WIDTHS,
    BlockFactory,
    stage,
)
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn


class PreActivationBasicBlock(gluon.HybridBlock):
    """Two pre-activated 3x3 convolutions and a shortcut.

    The branch ends in a convolution, so ``zero_last_gamma`` zeroes that convolution's weights. (A zero
    gamma before the last ReLU would stop all gradients of the branch for good.)
    """

    def __init__(self, in_channels: int, channels: int, stride: int, options: ModelOptions) -> None:
        super().__init__()
        self.bn1 = batch_norm(in_channels, options)
        self.conv1 = conv(in_channels, channels, 3, stride)
        self.bn2 = batch_norm(channels, options)
        self.conv2 = conv(channels, channels, 3, is_zero=options.zero_last_gamma)
        self.drop = BranchDrop()
        self.shortcut = None if in_channels == channels else conv(in_channels, channels, 1, stride)
        self.relu1 = nn.Activation("relu")
        self.relu2 = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        activated = self.relu1(self.bn1(x))
        residual = self.conv1(activated)
        residual = self.conv2(self.relu2(self.bn2(residual)))
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        return shortcut + self.drop(residual)


class PreActivationBottleneck(gluon.HybridBlock):
    """Pre-activated 1x1, 3x3 and 1x1 convolutions and a shortcut; ``zero_last_gamma`` as above."""

    def __init__(self, in_channels: int, channels: int, stride: int, options: ModelOptions) -> None:
        super().__init__()
        width = channels // BOTTLENECK_EXPANSION
        self.bn1 = batch_norm(in_channels, options)
        self.conv1 = conv(in_channels, width, 1)
        self.bn2 = batch_norm(width, options)
        self.conv2 = conv(width, width, 3, stride)
        self.bn3 = batch_norm(width, options)
        self.conv3 = conv(width, channels, 1, is_zero=options.zero_last_gamma)
        self.drop = BranchDrop()
        self.shortcut = None if in_channels == channels else conv(in_channels, channels, 1, stride)
        self.relu1 = nn.Activation("relu")
        self.relu2 = nn.Activation("relu")
        self.relu3 = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        activated = self.relu1(self.bn1(x))
        residual = self.conv1(activated)
        residual = self.conv2(self.relu2(self.bn2(residual)))
        residual = self.conv3(self.relu3(self.bn3(residual)))
        shortcut = x if self.shortcut is None else self.shortcut(activated)
        return shortcut + self.drop(residual)


class PreActivationResNet(gluon.nn.HybridSequential):
    """Stem, four stages, last activation, pooling and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes).
    """

    def __init__(self, depth: int, block: BlockFactory, classes: int, options: ModelOptions) -> None:
        super().__init__()
        expansion = 1 if depth < 50 else BOTTLENECK_EXPANSION
        widths = [width * expansion for width in STAGE_WIDTHS]
        blocks = BLOCKS_PER_STAGE[depth]
        self.stem = sequence(
            conv(options.input_channels or 3, 64, 7, stride=2),
            nn.MaxPool2D(pool_size=3, strides=2, padding=1),
        )
        self.stage1 = stage(block, blocks[0], 64, widths[0], stride=1)
        self.stage2 = stage(block, blocks[1], widths[0], widths[1], stride=2)
        self.stage3 = stage(block, blocks[2], widths[1], widths[2], stride=2)
        self.stage4 = stage(block, blocks[3], widths[2], widths[3], stride=2)
        self.activation = sequence(batch_norm(widths[3], options), nn.Activation("relu"))
        self.pool = pooling(options)
        self.output = classifier(widths[3], classes)


def build_resnet_v2(depth: int, *, classes: int, options: ModelOptions) -> PreActivationResNet:
    """Pre-activation ResNet of 18, 34, 50, 101 or 152 layers."""
    block_type = PreActivationBasicBlock if depth < 50 else PreActivationBottleneck
    return PreActivationResNet(depth, partial(block_type, options=options), classes, options)
