"""Weights by the names of a graph, as `HybridBlock.export` and the Module API of MXNet write them.

Such names, ``resnetv10_conv0_weight``, depend on what else a program made before. The graph in the
``-symbol.json`` file beside the weights says what they are. Without it, they may still end as Gluon's own
names of the parts of a network do.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Optional

from gluonlab.runtime.mxnet import gluon
from gluonlab.weights.gluon_graph import graph_of
from gluonlab.weights.same_graph import match_variables
from gluonlab.weights.symbol_graph import SymbolGraph, read_symbol

SYMBOL_SUFFIX = "-symbol.json"
_EPOCH = re.compile(r"-\d{4}$")


def symbol_beside(weights: Path) -> Path:
    """Where MXNet puts the graph whose parameters are in ``weights``: NAME-0000.params or NAME.params."""
    return weights.with_name(_EPOCH.sub("", weights.stem) + SYMBOL_SUFFIX)


def graph_beside(weights: Path) -> Optional[SymbolGraph]:
    """The graph beside ``weights``; None if there is none. Raises `CheckpointError` CKP02, CKP03."""
    symbol = symbol_beside(weights)
    return read_symbol(symbol) if symbol.is_file() else None


def structural_names(
    names: Collection[str], graph: Optional[SymbolGraph], net: gluon.HybridBlock
) -> Optional[dict[str, str]]:
    """For each of ``names`` the structural name in ``net``; None if they, or ``graph``, are not of this net.

    Without ``graph``, the names must end as Gluon's own names of the parts of ``net`` do.
    """
    if graph is None:
        return _by_block(names, net)
    found = match_variables(graph, graph_of(net))
    return found and {name: found.get(name, name) for name in names}


def _by_block(names: Collection[str], net: gluon.Block) -> Optional[dict[str, str]]:
    ours = {p.name[len(net.prefix) :]: name for name, p in net._collect_params_with_prefix().items()}
    first, wanted = next(iter(names)), set(names)
    for ending in ours:
        prefix = first[: len(first) - len(ending)]
        if first == prefix + ending and {prefix + name for name in ours} == wanted:
            return {prefix + name: structural for name, structural in ours.items()}
    return None
