"""SqueezeNet: Iandola et al. 2016 (arXiv:1602.07360), table 1, and the lighter version 1.1 of its authors.

Parameters have torchvision's names. Pooling rounds sizes up, as in the authors' Caffe and torchvision.
Convolutions start uniform with variance 2 / inputs (He et al. 2015), as in torchvision; the last one, which
is the classifier, normal with standard deviation 0.01, as in the authors' Caffe.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn

DROPOUT = 0.5


class Fire(gluon.HybridBlock):
    """A 1x1 convolution that squeezes, then 1x1 and 3x3 convolutions that expand side by side: figure 1."""

    def __init__(self, in_channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = conv(in_channels, squeezed, 1)
        self.squeeze_activation = nn.Activation("relu")
        self.expand1x1 = conv(squeezed, expanded, 1)
        self.expand1x1_activation = nn.Activation("relu")
        self.expand3x3 = conv(squeezed, expanded, 3)
        self.expand3x3_activation = nn.Activation("relu")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, 2 expanded, H, W)."""
        squeezed = self.squeeze_activation(self.squeeze(x))
        return F.concat(
            self.expand1x1_activation(self.expand1x1(squeezed)),
            self.expand3x3_activation(self.expand3x3(squeezed)),
            dim=1,
        )


class SqueezeNet(gluon.nn.HybridSequential):
    """A convolution, eight fire modules and a convolution to the classes, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224, and may be any number
    from 21 on.
    """

    def __init__(self, version: str, classes: int, options: ModelOptions) -> None:
        super().__init__()
        channels = options.input_channels or 3
        if version == "1.0":
            self.features = sequence(
                conv(channels, 96, 7, stride=2, padding=0), nn.Activation("relu"), max_pool(),
                Fire(96, 16, 64), Fire(128, 16, 64), Fire(128, 32, 128), max_pool(),
                Fire(256, 32, 128), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), max_pool(),
                Fire(512, 64, 256),
            )  # fmt: skip
        else:
            self.features = sequence(
                conv(channels, 64, 3, stride=2, padding=0), nn.Activation("relu"), max_pool(),
                Fire(64, 16, 64), Fire(128, 16, 64), max_pool(),
                Fire(128, 32, 128), Fire(256, 32, 128), max_pool(),
                Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
            )  # fmt: skip
        self.classifier = sequence(
            nn.Dropout(options.dropout_or(DROPOUT)),
            nn.Conv2D(classes, 1, in_channels=512, weight_initializer=mx.init.Normal(0.01)),
            nn.Activation("relu"),
            nn.GlobalAvgPool2D(),
            nn.Flatten(),
        )


def conv(in_channels: int, channels: int, kernel: int, *, stride: int = 1, padding: int = -1) -> Any:
    """Convolution with bias; without ``padding``, padded to keep the size."""
    return nn.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding=kernel // 2 if padding < 0 else padding,
        in_channels=in_channels,
        weight_initializer=mx.init.Xavier("uniform", "in", magnitude=6),
    )


def max_pool() -> Any:
    """3x3 pooling that halves the size, rounded up."""
    return nn.MaxPool2D(3, strides=2, ceil_mode=True)
