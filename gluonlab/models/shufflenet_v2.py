"""ShuffleNet v2: Ma et al. 2018 (arXiv:1807.11164), table 5.

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. Convolutions start as He et al. 2015 say.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, normalised_conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

STEM_CHANNELS = 24
BLOCKS = (4, 8, 4)
"""Of stages 2, 3 and 4, whose first block halves the image."""


class ShuffleBlock(gluon.HybridBlock):
    """Two branches, half of the channels each, whose channels are then shuffled: figure 3 (c) and (d).

    Where the image keeps its size, one branch is the identity of half of the channels.
    """

    def __init__(self, in_channels: int, channels: int, stride: int, options: ModelOptions) -> None:
        super().__init__()
        half = channels // 2
        self._half, self._splits = half, stride == 1
        if not self._splits:
            self.branch1 = sequence(
                conv(in_channels, in_channels, 3, stride, groups=in_channels),
                batch_norm(in_channels, options),
                conv(in_channels, half, 1), batch_norm(half, options), nn.Activation("relu"),
            )  # fmt: skip
        self.branch2 = sequence(
            conv(half if self._splits else in_channels, half, 1), batch_norm(half, options),
            nn.Activation("relu"),
            conv(half, half, 3, stride, groups=half), batch_norm(half, options),
            conv(half, half, 1), batch_norm(half, options), nn.Activation("relu"),
        )  # fmt: skip

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H / stride, W / stride)."""
        if self._splits:
            left = F.slice_axis(x, axis=1, begin=0, end=self._half)
            right = F.slice_axis(x, axis=1, begin=self._half, end=None)
            joined = F.concat(left, self.branch2(right), dim=1)
        else:
            joined = F.concat(self.branch1(x), self.branch2(x), dim=1)
        # (N, 2, C / 2, H, W) to (N, C / 2, 2, H, W): channels of both branches by turns
        grouped = F.reshape(joined, shape=(0, -4, 2, -1, -2))
        return F.reshape(F.swapaxes(grouped, 1, 2), shape=(0, -3, -2))


class ShuffleNetV2(gluon.nn.HybridSequential):
    """Stem, three stages, a 1x1 convolution, pooling and classifier, run in the order they are set.

    ``channels`` are those of the stages, ``last_channels`` those of the convolution behind them. Images
    (N, input_channels, H, W) become logits (N, classes); H and W are 224 in the paper, and may be any number
    from 32 on.
    """

    def __init__(
        self, channels: tuple[int, int, int], last_channels: int, classes: int, options: ModelOptions
    ) -> None:
        super().__init__()
        width = STEM_CHANNELS
        self.conv1 = normalised_conv(options.input_channels or 3, width, 3, 2, nn.Activation("relu"), options)
        self.maxpool = nn.MaxPool2D(pool_size=3, strides=2, padding=1)
        for number, (blocks, stage_channels) in enumerate(zip(BLOCKS, channels), start=2):
            first = ShuffleBlock(width, stage_channels, 2, options)
            others = (ShuffleBlock(stage_channels, stage_channels, 1, options) for _ in range(blocks - 1))
            setattr(self, f"stage{number}", sequence(first, *others))
            width = stage_channels
        self.conv5 = normalised_conv(width, last_channels, 1, 1, nn.Activation("relu"), options)
        self.pool = pooling(options)
        self.fc = classifier(last_channels, classes)
