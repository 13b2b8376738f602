"""How a network starts, beside the draws of its layers: whitening, identities, what is fixed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.errors import ConfigError
from gluonlab.models.layers import BATCH_NORMS
from gluonlab.models.pretrained import head_of
from gluonlab.runtime.mxnet import gluon, nd

nn = gluon.nn
WHITENING_EPS = 5e-4


def whitening_filters(covariance: NDArray[np.float64], eps: float = WHITENING_EPS) -> NDArray[np.float32]:
    """Filters (2 n, n) whose outputs have variance 1 and do not correlate, of patches with ``covariance``.

    They are the eigenvectors, each divided by ``sqrt(eigenvalue + eps)``, that of the largest first, then
    their negatives, as the CIFAR-10 speedrun has it. The sign of an eigenvector is that of its largest part.
    """
    values, vectors = np.linalg.eigh(covariance)
    vectors = vectors.T[::-1]
    largest = np.abs(vectors).argmax(axis=1)
    vectors = vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, None]
    scaled = vectors / np.sqrt(np.maximum(values[::-1], 0) + eps)[:, None]
    filters: NDArray[np.float32] = np.concatenate([scaled, -scaled]).astype(np.float32)
    return filters


def first_filters(net: gluon.Block, model: str) -> gluon.Parameter:
    """The filters of the first layer of ``net``; ConfigError CFG30 if whitening does not make as many."""
    weight = next(iter(_convolutions(net))).weight
    out, channels, height, width = weight.shape
    if out != 2 * channels * height * width:
        what = f"the first layer of {model} has {out} filters of {channels} x {height} x {width}"
        hint = f"it takes {2 * channels * height * width} of them; speednet94 has them"
        raise ConfigError("CFG30", "model.whitening", what, hint)
    return weight


def start_as_identity(net: gluon.Block) -> int:
    """Let the first filters of convolutions pass their inputs on, as many as there are; returns how many do.

    Those of an odd kernel larger than 1 and stride 1, in one group, but the first layer. Where there are more
    outputs than inputs, the others keep what they were drawn (Zagoruyko & Komodakis arXiv:1706.00388).
    """
    count = 0
    for number, block in enumerate(_convolutions(net)):
        kernel, own = block._kwargs["kernel"], block._kwargs
        is_plain = own["num_group"] == 1 and set(own["stride"]) == {1} and set(own["dilate"]) == {1}
        if number == 0 or not is_plain or kernel[0] == 1 or not all(side % 2 for side in kernel):
            continue
        values = block.weight.data().asnumpy()
        for channel in range(min(values.shape[:2])):
            values[channel] = 0
            values[(channel, channel, *(side // 2 for side in kernel))] = 1
        block.weight.set_data(nd.array(values))
        count += 1
    return count


def fix_gammas(net: gluon.Block) -> int:
    """Leave gamma of each BatchNorm as it starts; returns how many there are."""
    norms = [block for block in _blocks(net) if isinstance(block, BATCH_NORMS)]
    for norm in norms:
        norm.gamma.grad_req = "null"
    return len(norms)


class Scale(gluon.HybridBlock):
    """``factor`` times its input."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self._factor = factor

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape to the same."""
        return x * self._factor


def scale_logits(net: gluon.Block, factor: float, model: str) -> None:
    """Multiply what the classifier of ``net`` gives; ConfigError CFG30 if that is no dense layer."""
    heads = {name.rpartition(".")[0] for name in head_of(net)}
    for block in [block for name, block in _named_blocks(net) if name in heads]:
        if not isinstance(block, nn.Dense) or block.act is not None:
            raise ConfigError("CFG30", "model.logit_scale", f"the classifier of {model} is no dense layer")
        block.act = Scale(factor)


def _convolutions(net: gluon.Block) -> Iterator[gluon.nn.Conv2D]:
    yield from (block for block in _blocks(net) if isinstance(block, nn.Conv2D))


def _blocks(net: gluon.Block) -> Iterator[gluon.Block]:
    yield from (block for _, block in _named_blocks(net))


def _named_blocks(block: gluon.Block, prefix: str = "") -> Iterator[tuple[str, gluon.Block]]:
    """``block`` and those within it, with their structural names, in the order of the parameters."""
    yield prefix.rstrip("."), block
    for name, child in block._children.items():
        yield from _named_blocks(child, f"{prefix}{name}.")
