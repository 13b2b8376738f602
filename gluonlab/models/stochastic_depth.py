"""Stochastic depth: training leaves out residual branches at random (Huang et al. arXiv:1603.09382)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gluonlab.runtime.mxnet import gluon


class BranchDrop(gluon.HybridBlock):
    """What a residual branch passes last: zeros for a share ``rate`` of the samples, drawn one by one.

    Training multiplies what stays by 1 / (1 - rate), so that prediction changes nothing. With a rate of 0,
    which it starts with, it is the identity and not in the graph.
    """

    rate = 0.0

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape (N, ...) to the same."""
        if self.rate == 0:
            return x
        # One number for each sample: the mask is stretched over all other axes of (N, C, H, W).
        return F.Dropout(x, p=self.rate, axes=(1, 2, 3))


def set_stochastic_depth(net: gluon.Block, rate: float) -> int:
    """Let branch l of L be left out with probability ``rate * l / L`` (section 3); returns L.

    Before the net is run or hybridized.
    """
    drops = list(_branch_drops(net))
    for number, drop in enumerate(drops, start=1):
        drop.rate = rate * number / len(drops)
    return len(drops)


def _branch_drops(block: gluon.Block) -> Iterator[BranchDrop]:
    """Those within ``block``, in the order they run."""
    for child in block._children.values():
        if isinstance(child, BranchDrop):
            yield child
        yield from _branch_drops(child)
