"""AlexNet, in the form for one GPU and in the batch-normalised form of the large-batch papers.

`AlexNet` is the network of Krizhevsky 2014 (arXiv:1404.5997), section 5, without local response
normalisation; its parameters have torchvision's names. `AlexNetBN` is the network of Krizhevsky et al.
2012 with batch normalisation after each convolution in place of local response normalisation: the
AlexNet-BN that You et al. 2017 (arXiv:1708.03888) train with LARS, as its authors' Caffe defines it.

Weights start normal with standard deviation 0.01, as in Krizhevsky et al. 2012, section 5. There, and in
`AlexNet`, biases of convolutions 2, 4 and 5 and of hidden layers start at 1, so that their ReLUs are active.
"""

from __future__ import annotations

from typing import Any, Optional

from gluonlab.models.layers import AdaptiveAvgPool, batch_norm, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn

HIDDEN = 4096
DROPOUT = 0.5


class AlexNet(gluon.nn.HybridSequential):
    """Five convolutions and three fully connected layers, run in the order they are set.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may
    be any number from 63 on.
    """

    def __init__(self, classes: int, options: ModelOptions) -> None:
        super().__init__()
        dropout = options.dropout_or(DROPOUT)
        self.features = sequence(
            conv(options.input_channels or 3, 64, 11, stride=4, padding=2), relu(), max_pool(),
            conv(64, 192, 5, padding=2, bias="ones"), relu(), max_pool(),
            conv(192, 384, 3, padding=1), relu(),
            conv(384, 256, 3, padding=1, bias="ones"), relu(),
            conv(256, 256, 3, padding=1, bias="ones"), relu(), max_pool(),
        )  # fmt: skip
        self.avgpool = AdaptiveAvgPool(6)
        self.classifier = sequence(
            nn.Dropout(dropout), dense(256 * 6 * 6, HIDDEN, bias="ones"), relu(),
            nn.Dropout(dropout), dense(HIDDEN, HIDDEN, bias="ones"), relu(),
            dense(HIDDEN, classes),
        )  # fmt: skip


class AlexNetBN(gluon.nn.HybridSequential):
    """The AlexNet of 2012, batch-normalised, run in the order it is set.

    ``has_pool5_norm`` adds the batch normalisation after the last pooling that Jia et al. 2018
    (arXiv:1807.11205) use at batch 65,536. Images (N, input_channels, H, W) become logits (N, classes);
    H and W are 227, and may be any number from 67 on.
    """

    def __init__(self, classes: int, options: ModelOptions, *, has_pool5_norm: bool) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=0.9, epsilon=1e-4)
        dropout = options.dropout_or(DROPOUT)
        self.features = sequence(
            conv(options.input_channels or 3, 96, 11, stride=4, bias=None),
            batch_norm(96, options), relu(), max_pool(),
            conv(96, 256, 5, padding=2, groups=2, bias=None), batch_norm(256, options), relu(), max_pool(),
            conv(256, 384, 3, padding=1, bias=None), batch_norm(384, options), relu(),
            conv(384, 384, 3, padding=1, groups=2, bias=None), batch_norm(384, options), relu(),
            conv(384, 256, 3, padding=1, groups=2, bias=None), batch_norm(256, options), relu(), max_pool(),
            batch_norm(256, options) if has_pool5_norm else sequence(),
        )  # fmt: skip
        self.avgpool = AdaptiveAvgPool(6)
        self.classifier = sequence(
            dense(256 * 6 * 6, HIDDEN), relu(), nn.Dropout(dropout),
            dense(HIDDEN, HIDDEN), relu(), nn.Dropout(dropout),
            dense(HIDDEN, classes),
        )  # fmt: skip


def conv(
    in_channels: int,
    channels: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    bias: Optional[str] = "zeros",
) -> Any:
    """Convolution with weights N(0, 0.01²); ``bias`` says what biases start as, None for no biases."""
    return nn.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding=padding,
        groups=groups,
        use_bias=bias is not None,
        in_channels=in_channels,
        weight_initializer=mx.init.Normal(0.01),
        bias_initializer=bias,
    )


def dense(in_units: int, units: int, *, bias: str = "zeros") -> Any:
    """Fully connected layer with weights N(0, 0.01²); ``bias`` says what biases start as."""
    return nn.Dense(units, in_units=in_units, weight_initializer=mx.init.Normal(0.01), bias_initializer=bias)


def relu() -> Any:
    """A ReLU layer."""
    return nn.Activation("relu")


def max_pool() -> Any:
    """Pooling with overlap: Krizhevsky et al. 2012, section 3.4."""
    return nn.MaxPool2D(3, strides=2)
