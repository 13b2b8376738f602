"""Small ResNets: those for CIFAR-10 of He et al. 2015 (arXiv:1512.03385), section 4.2, and a tiny one."""

from __future__ import annotations

from functools import partial
from typing import Any

from gluonlab.models.layers import batch_norm, classifier, conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.resnet import BasicBlock, stage
from gluonlab.models.resnet_form import ResNetForm
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn

PLAIN = ResNetForm(depth=20)
"""Basic blocks without anything that came later; stages and depth are set here."""


class ZeroPaddedShortcut(gluon.HybridBlock):
    """Option A of He et al. 2015, section 3.3: every second pixel, and zeros as the new channels.

    It has no parameters. The channels double. (Pooling with a 1x1 window would also take every second
    pixel, but kills the process with SIGFPE in a hybridized backward pass of 8 channels on the CPU.)
    """

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, C, H, W) to (N, 2 C, H / 2, W / 2), sizes rounded up."""
        everything = (None, None, None, None)
        every_second_pixel = F.slice(x, begin=everything, end=everything, step=(1, 1, 2, 2))
        return F.concat(every_second_pixel, F.zeros_like(every_second_pixel), dim=1)


class SmallBlock(BasicBlock):
    """The basic block with a shortcut that has no parameters."""

    def __init__(self, in_channels: int, channels: int, stride: int, options: ModelOptions) -> None:
        super().__init__(in_channels, channels, stride, PLAIN, options)
        self.shortcut = sequence() if in_channels == channels else sequence(ZeroPaddedShortcut())


class SmallResNet(gluon.nn.HybridSequential):
    """3x3 stem, three stages, pooling and classifier, run in the order they are set.

    ``widths`` are the channels of the stem and of the stages. A stage that widens its input (always
    to the double) halves the size of the image. Images (N, input_channels, H, W) become logits
    (N, classes); H and W may be any number from 8 on.
    """

    def __init__(
        self,
        widths: tuple[int, int, int, int],
        blocks_per_stage: int,
        *,
        input_channels: int,
        classes: int,
        options: ModelOptions,
        stem_stride: int = 1,
    ) -> None:
        super().__init__()

        def small_stage(in_channels: int, channels: int) -> gluon.HybridBlock:
            stride = 1 if in_channels == channels else 2
            return stage(block, blocks_per_stage, in_channels, channels, stride=stride)

        block = partial(SmallBlock, options=options)
        self.stem = sequence(
            conv(options.input_channels or input_channels, widths[0], 3, stem_stride),
            batch_norm(widths[0], options),
            nn.Activation("relu"),
        )
        self.stage1 = small_stage(widths[0], widths[1])
        self.stage2 = small_stage(widths[1], widths[2])
        self.stage3 = small_stage(widths[2], widths[3])
        self.pool = pooling(options)
        self.output = classifier(widths[3], classes)


def build_cifar_resnet(depth: int, *, classes: int, options: ModelOptions) -> SmallResNet:
    """ResNet of ``depth`` = 6 n + 2 layers for 32-px colour images, n blocks per stage."""
    blocks_per_stage = (depth - 2) // 6
    return SmallResNet((16, 16, 32, 64), blocks_per_stage, input_channels=3, classes=classes, options=options)


def build_small_resnet8(*, classes: int, options: ModelOptions) -> SmallResNet:
    """ResNet of 8 layers for grey images of 8 px (digits) or 28 px (MNIST): one block per stage.

    The first stage keeps the size of the image, or 8 px would shrink to a single one.
    """
    return SmallResNet((16, 16, 32, 64), 1, input_channels=1, classes=classes, options=options)


def build_cifar_resnet8_stride2(*, classes: int, options: ModelOptions) -> SmallResNet:
    """ResNet of 8 layers for 32-px colour images whose stem halves them: thousands of images a second on
    one core, for studies of many runs.
    """
    return SmallResNet((16, 16, 32, 64), 1, input_channels=3, classes=classes, options=options, stem_stride=2)
