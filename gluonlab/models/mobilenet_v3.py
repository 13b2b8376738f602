"""MobileNet v3: Howard et al. 2019 (arXiv:1905.02244), tables 1 and 2.

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. Batch normalisation has momentum 0.99 and epsilon 0.001, as in the paper's section 6.1 and
torchvision. Convolutions start as He et al. 2015 say, as in torchvision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gluonlab.models.layers import SqueezeExcitation, batch_norm, classifier, conv, normalised_conv, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.rounding import round_to_eight
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

STEM_CHANNELS = 16
DROPOUT = 0.2


@dataclass(frozen=True)
class BlockForm:
    """A row of the paper's tables: k, exp size, #out, SE, NL (HS) and s."""

    kernel: int
    expanded: int
    channels: int
    has_squeeze_excitation: bool
    has_hard_swish: bool
    stride: int


LARGE = (
    BlockForm(3, 16, 16, False, False, 1),
    BlockForm(3, 64, 24, False, False, 2),
    BlockForm(3, 72, 24, False, False, 1),
    BlockForm(5, 72, 40, True, False, 2),
    BlockForm(5, 120, 40, True, False, 1),
    BlockForm(5, 120, 40, True, False, 1),
    BlockForm(3, 240, 80, False, True, 2),
    BlockForm(3, 200, 80, False, True, 1),
    BlockForm(3, 184, 80, False, True, 1),
    BlockForm(3, 184, 80, False, True, 1),
    BlockForm(3, 480, 112, True, True, 1),
    BlockForm(3, 672, 112, True, True, 1),
    BlockForm(5, 672, 160, True, True, 2),
    BlockForm(5, 960, 160, True, True, 1),
    BlockForm(5, 960, 160, True, True, 1),
)
SMALL = (
    BlockForm(3, 16, 16, True, False, 2),
    BlockForm(3, 72, 24, False, False, 2),
    BlockForm(3, 88, 24, False, False, 1),
    BlockForm(5, 96, 40, True, True, 2),
    BlockForm(5, 240, 40, True, True, 1),
    BlockForm(5, 240, 40, True, True, 1),
    BlockForm(5, 120, 48, True, True, 1),
    BlockForm(5, 144, 48, True, True, 1),
    BlockForm(5, 288, 96, True, True, 2),
    BlockForm(5, 576, 96, True, True, 1),
    BlockForm(5, 576, 96, True, True, 1),
)


class HardSigmoid(gluon.HybridBlock):
    """ReLU6(x + 3) / 6, a sigmoid of straight lines: section 5.2."""

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape to the same."""
        return F.hard_sigmoid(x, alpha=1 / 6, beta=0.5)


class HardSwish(gluon.HybridBlock):
    """x * ReLU6(x + 3) / 6: section 5.2."""

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape to the same."""
        return x * F.hard_sigmoid(x, alpha=1 / 6, beta=0.5)


class InvertedResidual(gluon.HybridBlock):
    """Expansion, depthwise convolution, squeeze and excitation, projection, and a shortcut: figure 4."""

    def __init__(self, in_channels: int, form: BlockForm, options: ModelOptions) -> None:
        super().__init__()
        self._has_shortcut = form.stride == 1 and in_channels == form.channels
        width = form.expanded
        layers = []
        if width != in_channels:
            layers.append(normalised_conv(in_channels, width, 1, 1, activation(form), options))
        layers.append(
            normalised_conv(width, width, form.kernel, form.stride, activation(form), options, groups=width)
        )
        if form.has_squeeze_excitation:
            layers.append(SqueezeExcitation(width, round_to_eight(width // 4), HardSigmoid()))
        is_zero = self._has_shortcut and options.zero_last_gamma
        norm = batch_norm(form.channels, options, is_zero=is_zero)
        layers.append(sequence(conv(width, form.channels, 1), norm))
        self.block = sequence(*layers)
        if self._has_shortcut:
            self.drop = BranchDrop()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        return x + self.drop(self.block(x)) if self._has_shortcut else self.block(x)


class MobileNetV3(gluon.nn.HybridSequential):
    """Stem, inverted residuals, a 1x1 convolution, pooling and two fully connected layers, in this order.

    ``blocks`` are `LARGE` or `SMALL`, ``hidden`` the units of the first fully connected layer. Images
    (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may be any
    number from 32 on.
    """

    def __init__(
        self, blocks: tuple[BlockForm, ...], hidden: int, classes: int, options: ModelOptions
    ) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=0.99, epsilon=0.001)
        channels = STEM_CHANNELS
        layers = [normalised_conv(options.input_channels or 3, channels, 3, 2, HardSwish(), options)]
        for form in blocks:
            layers.append(InvertedResidual(channels, form, options))
            channels = form.channels
        layers.append(normalised_conv(channels, 6 * channels, 1, 1, HardSwish(), options))
        self.features = sequence(*layers)
        self.pool = nn.GlobalAvgPool2D()
        self.classifier = sequence(
            classifier(6 * channels, hidden),
            HardSwish(),
            nn.Dropout(options.dropout_or(DROPOUT)),
            classifier(hidden, classes),
        )


def activation(form: BlockForm) -> gluon.HybridBlock:
    """The non-linearity of a block."""
    return HardSwish() if form.has_hard_swish else nn.Activation("relu")
