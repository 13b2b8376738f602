"""DenseNet-BC: Huang et al. 2016 (arXiv:1608.06993), table 1.

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. Convolutions start as He et al. 2015 say.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

LAYERS_PER_BLOCK = {
    121: (6, 12, 24, 16),
    161: (6, 12, 36, 24),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}
GROWTH = {121: 32, 161: 48, 169: 32, 201: 32}
"""Channels that each layer adds, k in the paper."""
BOTTLENECK_WIDTH = 4
"""Channels between the two convolutions of a layer, in units of the growth."""


class DenseLayer(gluon.HybridBlock):
    """BN-ReLU-1x1 convolution-BN-ReLU-3x3 convolution; what it computes is appended to its input."""

    def __init__(self, in_channels: int, growth: int, options: ModelOptions) -> None:
        super().__init__()
        width = BOTTLENECK_WIDTH * growth
        self.norm1 = batch_norm(in_channels, options)
        self.relu1 = nn.Activation("relu")
        self.conv1 = conv(in_channels, width, 1)
        self.norm2 = batch_norm(width, options)
        self.relu2 = nn.Activation("relu")
        self.conv2 = conv(width, growth, 3)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, in_channels + growth, H, W)."""
        bottleneck = self.conv1(self.relu1(self.norm1(x)))
        new = self.conv2(self.relu2(self.norm2(bottleneck)))
        return F.concat(x, new, dim=1)


class Transition(gluon.nn.HybridSequential):
    """Halves the size, and the channels, between two dense blocks."""

    def __init__(self, in_channels: int, options: ModelOptions) -> None:
        super().__init__()
        self.norm = batch_norm(in_channels, options)
        self.relu = nn.Activation("relu")
        self.conv = conv(in_channels, in_channels // 2, 1)
        self.pool = nn.AvgPool2D(2)


class DenseNet(gluon.nn.HybridSequential):
    """Stem, four dense blocks with transitions between them and a classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may
    be any number from 29 on.
    """

    def __init__(self, depth: int, classes: int, options: ModelOptions) -> None:
        super().__init__()
        growth = GROWTH[depth]
        channels = 2 * growth
        self.features = features = sequence()
        features.conv0 = conv(options.input_channels or 3, channels, 7, stride=2)
        features.norm0 = batch_norm(channels, options)
        features.relu0 = nn.Activation("relu")
        features.pool0 = nn.MaxPool2D(3, strides=2, padding=1)
        for number, layers in enumerate(LAYERS_PER_BLOCK[depth], start=1):
            if number > 1:
                setattr(features, f"transition{number - 1}", Transition(channels, options))
                channels //= 2
            setattr(features, f"denseblock{number}", dense_block(layers, channels, growth, options))
            channels += layers * growth
        features.norm5 = batch_norm(channels, options)
        self.relu = nn.Activation("relu")
        self.pool = pooling(options)
        self.classifier = classifier(channels, classes)


def dense_block(layers: int, channels: int, growth: int, options: ModelOptions) -> gluon.HybridBlock:
    """``layers`` dense layers, ``denselayer1`` and so on, the first with ``channels`` as its input."""
    block = sequence()
    for number in range(layers):
        layer = DenseLayer(channels + number * growth, growth, options)
        setattr(block, f"denselayer{number + 1}", layer)
    return block
