"""Stochastic depth: training leaves out residual branches at random (Huang et al. arXiv:1603.09382)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gluonlab.runtime.mxnet import gluon


class BranchDrop(gluon.HybridBlock):
    """What a residual branch passes last: zeros for a share ``rate`` of the samples, drawn one by one.

    Training multiplies what stays by 1 / (1 - rate), so that prediction changes nothing. With a rate of 0,
    which it starts with, it is the identity and not in the graph. ``dimensions`` are those of its input.
    With ``keeps_first`` the first branch of the network is never left out, see `set_stochastic_depth`.
    """

    rate = 0.0

    def __init__(self, dimensions: int = 4, *, keeps_first: bool = False) -> None:
        super().__init__()
        self.keeps_first = keeps_first
        # One number for each sample: the mask is stretched over all other axes.
        self._axes = tuple(range(1, dimensions))

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape (N, ...) to the same."""
        return x if self.rate == 0 else F.Dropout(x, p=self.rate, axes=self._axes)


def set_stochastic_depth(net: gluon.Block, rate: float) -> int:
    """Let the branches of block l of L be left out with probability ``rate * l / L`` (section 3); returns L.

    In networks that keep the first, as timm's transformers do, it is ``rate * (l - 1) / (L - 1)``.
    Before the net is run or hybridized.
    """
    blocks = list(_blocks_with_drops(net))
    for number, drops in enumerate(blocks, start=1):
        for drop in drops:
            first = int(drop.keeps_first)
            drop.rate = rate * (number - first) / max(1, len(blocks) - first)
    return len(blocks)


def _blocks_with_drops(block: gluon.Block) -> Iterator[list[BranchDrop]]:
    """The drops of each block within ``block`` that has some, in the order they run."""
    drops = [child for child in block._children.values() if isinstance(child, BranchDrop)]
    if drops:
        yield drops
    for child in block._children.values():
        yield from _blocks_with_drops(child)
