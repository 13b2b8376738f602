"""How deep in its network each parameter lies, counted in residual blocks."""

from __future__ import annotations

from collections.abc import Iterator

from gluonlab.models.pretrained import head_of
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.runtime.mxnet import gluon


def layers_of(net: gluon.Block) -> dict[str, int]:
    """The layer of each parameter of ``net`` by name, as timm groups them; empty without residual blocks.

    What comes before the first block is layer 0, each block a layer of its own, with what shrinks the image
    before it. Behind the last block come what is left, and the classifier with the rest of its part.
    """
    names, blocks = list(net._collect_params_with_prefix()), [f"{one}." for one in _residual_blocks(net)]
    if not blocks:
        return {}
    head_parts = {name.split(".")[0] for name in head_of(net)}
    layers, last, has_tail = {}, 0, False
    waiting: list[str] = []
    for name in names:
        number = next((n for n, block in enumerate(blocks, start=1) if name.startswith(block)), None)
        if number is None:
            waiting.append(name)
            continue
        # What stands between two blocks goes with the second; before the first it is the stem.
        layers.update(dict.fromkeys(waiting, number if last else 0))
        layers[name], last, waiting = number, number, []
    for name in waiting:
        is_head = name.split(".")[0] in head_parts
        has_tail = has_tail or not is_head
        layers[name] = last + 1 + (has_tail if is_head else 0)
    return layers


def _residual_blocks(block: gluon.Block, prefix: str = "") -> Iterator[str]:
    """The structural names of the blocks that have residual branches, in the order they run."""
    children = block._children.items()
    if any(isinstance(child, BranchDrop) for _, child in children):
        yield prefix.rstrip(".")
        return
    for name, child in children:
        yield from _residual_blocks(child, f"{prefix}{name}.")
