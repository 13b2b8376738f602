"""VGG: Simonyan and Zisserman 2014 (arXiv:1409.1556), table 1, columns A, B, D and E.

The forms with batch normalisation have it after each convolution, as in torchvision. Parameters have
torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma`` and ``beta``.
Convolutions start as He et al. 2015 say (the paper points to Glorot's rule, which is for linear layers),
fully connected layers normal with standard deviation 0.01, as in the paper.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import AdaptiveAvgPool, batch_norm, classifier, conv, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

CONVOLUTIONS_PER_STAGE = {
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
STAGE_WIDTHS = (64, 128, 256, 512, 512)
HIDDEN = 4096
DROPOUT = 0.5


class VGG(gluon.nn.HybridSequential):
    """Stages of 3x3 convolutions and three fully connected layers, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may
    be any number from 32 on.
    """

    def __init__(self, depth: int, classes: int, options: ModelOptions, *, has_batch_norm: bool) -> None:
        super().__init__()
        layers: list[Any] = []
        channels = options.input_channels or 3
        for convolutions, width in zip(CONVOLUTIONS_PER_STAGE[depth], STAGE_WIDTHS):
            for _ in range(convolutions):
                layers.append(conv(channels, width, 3, has_bias=True))
                if has_batch_norm:
                    layers.append(batch_norm(width, options))
                layers.append(nn.Activation("relu"))
                channels = width
            layers.append(nn.MaxPool2D(2))
        self.features = sequence(*layers)
        dropout = options.dropout_or(DROPOUT)
        self.avgpool = AdaptiveAvgPool(7)
        self.classifier = sequence(
            classifier(channels * 7 * 7, HIDDEN), nn.Activation("relu"), nn.Dropout(dropout),
            classifier(HIDDEN, HIDDEN), nn.Activation("relu"), nn.Dropout(dropout),
            classifier(HIDDEN, classes),
        )  # fmt: skip
