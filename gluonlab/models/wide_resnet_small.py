"""Wide ResNets for 32-px images: Zagoruyko and Komodakis 2016 (arXiv:1605.07146), table 1.

Pre-activation blocks of two 3x3 convolutions; a projection shortcut where the channels change.
"""

from __future__ import annotations

from functools import partial

from gluonlab.models.layers import batch_norm, classifier, conv, pooling, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.resnet import stage
from gluonlab.models.resnet_v2 import PreActivationBasicBlock
from gluonlab.runtime.mxnet import gluon

nn = gluon.nn


class SmallWideResNet(gluon.nn.HybridSequential):
    """3x3 stem, three stages, last activation, pooling and classifier, run in the order they are set.

    ``depth`` is 6 n + 4 for n blocks in each stage, ``width`` multiplies the channels of the stages. Images
    (N, input_channels, H, W) become logits (N, classes); H and W may be any number from 4 on.
    """

    def __init__(self, depth: int, width: int, classes: int, options: ModelOptions) -> None:
        super().__init__()
        block = partial(PreActivationBasicBlock, options=options)
        blocks = (depth - 4) // 6
        widths = [channels * width for channels in (16, 32, 64)]
        self.stem = sequence(conv(options.input_channels or 3, 16, 3))
        self.stage1 = stage(block, blocks, 16, widths[0], stride=1)
        self.stage2 = stage(block, blocks, widths[0], widths[1], stride=2)
        self.stage3 = stage(block, blocks, widths[1], widths[2], stride=2)
        self.activation = sequence(batch_norm(widths[2], options), nn.Activation("relu"))
        self.pool = pooling(options)
        self.output = classifier(widths[2], classes)
