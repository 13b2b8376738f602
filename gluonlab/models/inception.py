"""Inception v3: Szegedy et al. 2015 (arXiv:1512.00567), table 1, as torchvision has it.

Parameters have torchvision's names, but that MXNet calls a BatchNorm's ``weight`` and ``bias`` ``gamma``
and ``beta``. There is no auxiliary classifier: the paper found it to help little and late (section 4).
Convolutions start as He et al. 2015 say; batch normalisation has epsilon 0.001.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Union

from gluonlab.models.layers import batch_norm, classifier
from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn

EPSILON = 0.001
DROPOUT = 0.5

Pair = tuple[int, int]


class Conv(NamedTuple):
    """A convolution of a branch; padded to keep the size unless it halves it."""

    name: str
    channels: int
    kernel: Union[int, Pair]
    stride: int = 1


MEAN, LARGEST = "mean", "largest"
"""Pooling over 3x3 pixels; the mean keeps the size, the largest halves it."""
Step = Union[Conv, str, tuple[Conv, Conv]]
"""Two convolutions are side by side."""


class BasicConv(gluon.nn.HybridSequential):
    """Convolution, batch normalisation and ReLU."""

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: Union[int, Pair],
        options: ModelOptions,
        *,
        stride: int = 1,
        is_padded: bool = True,
    ) -> None:
        super().__init__()
        height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
        self.conv = nn.Conv2D(
            channels,
            (height, width),
            strides=stride,
            padding=(height // 2, width // 2) if is_padded else 0,
            use_bias=False,
            in_channels=in_channels,
            weight_initializer=mx.init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2),
        )
        self.bn = batch_norm(channels, options)
        self.relu = nn.Activation("relu")


class Mixed(gluon.HybridBlock):
    """Branches side by side, whose channels are joined: figures 5, 6, 7 and 10."""

    def __init__(
        self, in_channels: int, branches: tuple[tuple[Step, ...], ...], options: ModelOptions
    ) -> None:
        super().__init__()
        self._branches: list[list[list[gluon.HybridBlock]]] = []
        self.channels = 0
        for number, branch in enumerate(branches):
            channels, layers = in_channels, []
            for step in branch:
                if isinstance(step, str):
                    pool = nn.AvgPool2D(3, 1, 1) if step == MEAN else nn.MaxPool2D(3, 2)
                    setattr(self, f"pool{number}", pool)
                    layers.append([pool])
                    continue
                convs = [step] if isinstance(step, Conv) else list(step)
                layers.append([self._add(channels, conv, options) for conv in convs])
                channels = sum(conv.channels for conv in convs)
            self._branches.append(layers)
            self.channels += channels

    def _add(self, in_channels: int, conv: Conv, options: ModelOptions) -> gluon.HybridBlock:
        layer = BasicConv(
            in_channels, conv.channels, conv.kernel, options, stride=conv.stride, is_padded=conv.stride == 1
        )
        setattr(self, conv.name, layer)
        return layer

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, in_channels, H, W) to (N, channels, H, W), or of half the size."""
        outputs = []
        for branch in self._branches:
            parts = [x]
            for layers in branch:
                before = parts[0] if len(parts) == 1 else F.concat(*parts, dim=1)
                parts = [layer(before) for layer in layers]
            outputs += parts
        return F.concat(*outputs, dim=1)


def grid_35(pooled: int) -> tuple[tuple[Step, ...], ...]:
    """Figure 5, with 3x3 convolutions for one of 5x5; ``pooled`` channels behind the pooling."""
    return (
        (Conv("branch1x1", 64, 1),),
        (Conv("branch5x5_1", 48, 1), Conv("branch5x5_2", 64, 5)),
        (Conv("branch3x3dbl_1", 64, 1), Conv("branch3x3dbl_2", 96, 3), Conv("branch3x3dbl_3", 96, 3)),
        (MEAN, Conv("branch_pool", pooled, 1)),
    )


def grid_17(width: int) -> tuple[tuple[Step, ...], ...]:
    """Figure 6, with ``width`` channels within the branches."""
    return (
        (Conv("branch1x1", 192, 1),),
        (
            Conv("branch7x7_1", width, 1),
            Conv("branch7x7_2", width, (1, 7)),
            Conv("branch7x7_3", 192, (7, 1)),
        ),
        (
            Conv("branch7x7dbl_1", width, 1),
            Conv("branch7x7dbl_2", width, (7, 1)),
            Conv("branch7x7dbl_3", width, (1, 7)),
            Conv("branch7x7dbl_4", width, (7, 1)),
            Conv("branch7x7dbl_5", 192, (1, 7)),
        ),
        (MEAN, Conv("branch_pool", 192, 1)),
    )


REDUCTION_TO_17: tuple[tuple[Step, ...], ...] = (
    (Conv("branch3x3", 384, 3, 2),),
    (Conv("branch3x3dbl_1", 64, 1), Conv("branch3x3dbl_2", 96, 3), Conv("branch3x3dbl_3", 96, 3, 2)),
    (LARGEST,),
)
REDUCTION_TO_8: tuple[tuple[Step, ...], ...] = (
    (Conv("branch3x3_1", 192, 1), Conv("branch3x3_2", 320, 3, 2)),
    (
        Conv("branch7x7x3_1", 192, 1),
        Conv("branch7x7x3_2", 192, (1, 7)),
        Conv("branch7x7x3_3", 192, (7, 1)),
        Conv("branch7x7x3_4", 192, 3, 2),
    ),
    (LARGEST,),
)
"""Figure 10."""
GRID_8: tuple[tuple[Step, ...], ...] = (
    (Conv("branch1x1", 320, 1),),
    (Conv("branch3x3_1", 384, 1), (Conv("branch3x3_2a", 384, (1, 3)), Conv("branch3x3_2b", 384, (3, 1)))),
    (
        Conv("branch3x3dbl_1", 448, 1),
        Conv("branch3x3dbl_2", 384, 3),
        (Conv("branch3x3dbl_3a", 384, (1, 3)), Conv("branch3x3dbl_3b", 384, (3, 1))),
    ),
    (MEAN, Conv("branch_pool", 192, 1)),
)
"""Figure 7."""
MIXED = {
    "5b": grid_35(32), "5c": grid_35(64), "5d": grid_35(64), "6a": REDUCTION_TO_17,
    "6b": grid_17(128), "6c": grid_17(160), "6d": grid_17(160), "6e": grid_17(192), "7a": REDUCTION_TO_8,
    "7b": GRID_8, "7c": GRID_8,
}  # fmt: skip


class InceptionV3(gluon.nn.HybridSequential):
    """Stem, eleven blocks of branches, pooling and classifier, run in the order they are set: table 1.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are 299 in the paper, and may be any
    number from 75 on.
    """

    def __init__(self, classes: int, options: ModelOptions) -> None:
        super().__init__()
        options = options.with_batch_norm(momentum=0.9, epsilon=EPSILON)
        colours = options.input_channels or 3
        self.Conv2d_1a_3x3 = BasicConv(colours, 32, 3, options, stride=2, is_padded=False)
        self.Conv2d_2a_3x3 = BasicConv(32, 32, 3, options, is_padded=False)
        self.Conv2d_2b_3x3 = BasicConv(32, 64, 3, options)
        self.maxpool1 = nn.MaxPool2D(3, 2)
        self.Conv2d_3b_1x1 = BasicConv(64, 80, 1, options)
        self.Conv2d_4a_3x3 = BasicConv(80, 192, 3, options, is_padded=False)
        self.maxpool2 = nn.MaxPool2D(3, 2)
        channels = 192
        for name, branches in MIXED.items():
            block = Mixed(channels, branches, options)
            setattr(self, f"Mixed_{name}", block)
            channels = block.channels
        self.pool = nn.GlobalAvgPool2D()
        self.dropout = nn.Dropout(options.dropout_or(DROPOUT))
        self.fc = classifier(channels, classes)
