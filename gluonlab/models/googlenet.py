"""GoogLeNet: Szegedy et al. 2014 (arXiv:1409.4842), table 1, with batch normalisation, as torchvision has it.

There, the 5x5 convolutions have kernels of 3x3. Parameters have torchvision's names, but that MXNet calls a
BatchNorm's ``weight`` and ``bias`` ``gamma`` and ``beta``. There are no auxiliary classifiers.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.inception import EPSILON, BasicConv
from gluonlab.models.layers import classifier, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

DROPOUT = 0.2
BLOCKS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
"""Columns #1x1, #3x3 reduce, #3x3, #5x5 reduce, #5x5 and pool proj."""


class Inception(gluon.HybridBlock):
    """Four branches side by side, whose channels are joined: figure 2 (b)."""

    def __init__(self, in_channels: int, widths: tuple[int, ...], options: ModelOptions) -> None:
        super().__init__()
        one, reduced3, three, reduced5, five, pooled = widths
        self.channels = one + three + five + pooled
        self.branch1 = BasicConv(in_channels, one, 1, options)
        self.branch2 = sequence(
            BasicConv(in_channels, reduced3, 1, options), BasicConv(reduced3, three, 3, options)
        )
        self.branch3 = sequence(
            BasicConv(in_channels, reduced5, 1, options), BasicConv(reduced5, five, 3, options)
        )
        self.branch4 = sequence(nn.MaxPool2D(3, 1, 1), BasicConv(in_channels, pooled, 1, options))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H, W)."""
        return F.concat(self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x), dim=1)


class GoogLeNet(gluon.nn.HybridSequential):
    """Stem, nine blocks of branches, pooling and classifier, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may be any
    number from 32 on.
    """

    def __init__(self, classes: int, options: ModelOptions) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=0.9, epsilon=EPSILON)
        self.conv1 = BasicConv(options.input_channels or 3, 64, 7, options, stride=2)
        self.maxpool1 = nn.MaxPool2D(3, 2, ceil_mode=True)
        self.conv2 = BasicConv(64, 64, 1, options)
        self.conv3 = BasicConv(64, 192, 3, options)
        self.maxpool2 = nn.MaxPool2D(3, 2, ceil_mode=True)
        channels = 192
        for name, widths in BLOCKS.items():
            if name == "4a":
                self.maxpool3 = nn.MaxPool2D(3, 2, ceil_mode=True)
            if name == "5a":
                self.maxpool4 = nn.MaxPool2D(2, 2, ceil_mode=True)
            block = Inception(channels, widths, options)
            setattr(self, f"inception{name}", block)
            channels = block.channels
        self.pool = nn.GlobalAvgPool2D()
        self.dropout = nn.Dropout(options.dropout_or(DROPOUT))
        self.fc = classifier(channels, classes)
