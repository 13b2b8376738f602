"""Whether two graphs are one network whose parts were named otherwise, and which name is which."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, Optional

from gluonlab.weights.symbol_graph import VARIABLE, Node, SymbolGraph

PASSING = {"Dropout", "_copy", "identity", "BlockGrad"}
"""Operators whose output in prediction is their input."""
LOSSES = {"SoftmaxOutput", "Softmax", "SoftmaxActivation", "softmax", "log_softmax"}
"""What the Module API has behind the classifier; it holds no weights."""
SYNONYMS = {
    "_plus": "elemwise_add", "_Plus": "elemwise_add", "_add": "elemwise_add", "broadcast_add": "elemwise_add",
    "ElementWiseSum": "elemwise_add", "add_n": "elemwise_add",
    "_mul": "elemwise_mul", "_Mul": "elemwise_mul", "broadcast_mul": "elemwise_mul",
    "concat": "Concat", "flatten": "Flatten", "CuDNNBatchNorm": "BatchNorm",
    "Convolution_v1": "Convolution", "Pooling_v1": "Pooling", "BatchNorm_v1": "BatchNorm",
}  # fmt: skip
COMMUTATIVE = {"elemwise_add", "elemwise_mul"}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Convolution": {"kernel": (), "stride": 1, "pad": 0, "dilate": 1, "num_group": 1},
    "Pooling": {
        "kernel": (), "stride": 1, "pad": 0, "pool_type": "max", "global_pool": False,
        "pooling_convention": "valid", "count_include_pad": True,
    },
    "BatchNorm": {"eps": 1e-3, "fix_gamma": True, "axis": 1},
    "FullyConnected": {"flatten": True},
    "Activation": {"act_type": None},
    "LeakyReLU": {"act_type": "leaky", "slope": 0.25},
    "Concat": {"dim": 1},
}  # fmt: skip
"""What decides the result of an operator, the number of its outputs left out, and MXNet's defaults of it."""
WINDOW = ("kernel", "stride", "pad")


def match_variables(theirs: SymbolGraph, ours: SymbolGraph) -> Optional[dict[str, str]]:
    """For each variable of ``theirs`` that of ``ours`` in its place; None if they are not one network.

    Sums and products may have their parts in another order; a loss at the end of ``theirs`` is left out.
    Sizes of arrays are not compared.
    """
    one, other = _Form(theirs), _Form(ours)
    if one.head is None or other.head is None or one.digests[one.head] != other.digests[other.head]:
        return None
    places = {one.head: other.head}
    waiting = [(one.head, other.head)]
    while waiting:
        mine, your = waiting.pop()
        for pair in zip(one.inputs(mine), other.inputs(your)):
            if pair[0] not in places:
                waiting.append(pair)
            if places.setdefault(*pair) != pair[1]:
                return None  # a part that is used twice in the one, and is two parts in the other
    names = {
        theirs.nodes[a].name: ours.nodes[b].name for a, b in places.items() if theirs.nodes[a].is_variable
    }
    return names if len(set(names.values())) == len(names) else None


def difference(theirs: SymbolGraph, ours: SymbolGraph) -> str:
    """In what ``theirs`` is another network than ``ours``, in a few words."""
    counts, wanted = (Counter(_operator(node) for node in graph.nodes) for graph in (theirs, ours))
    for operator in sorted(counts.keys() | wanted.keys()):
        is_counted = operator not in PASSING | LOSSES | {VARIABLE, "Flatten"}
        if is_counted and counts[operator] != wanted[operator]:
            return f"it has {counts[operator]} {operator}, the model has {wanted[operator]}"
    return "its operators are those of the model, in another order or with other settings"


class _Form:
    """A graph without what passes its input on; ``digests`` are equal where all that leads to them is."""

    def __init__(self, graph: SymbolGraph) -> None:
        self._nodes = graph.nodes
        self._sources: list[list[int]] = []
        self.digests: list[bytes] = []
        for node in graph.nodes:
            self._sources.append([self._behind(source, node) for source, _ in node.inputs])
            self.digests.append(self._digest(node, [output for _, output in node.inputs]))
        self.head: Optional[int] = None
        if len(graph.heads) == 1:
            head = graph.heads[0][0]
            while _operator(self._nodes[head]) in LOSSES | PASSING and self._sources[head]:
                head = self._sources[head][0]
            self.head = head

    def inputs(self, number: int) -> list[int]:
        """The nodes that node ``number`` reads; those of a sum in an order that depends on what they are."""
        sources = self._sources[number]
        if _operator(self._nodes[number]) in COMMUTATIVE:
            return sorted(sources, key=lambda source: self.digests[source])
        return sources

    def _behind(self, source: int, reader: Node) -> int:
        while True:
            operator = _operator(self._nodes[source])
            is_flattened_anyway = operator == "Flatten" and reader.operator == "FullyConnected"
            if not (operator in PASSING or is_flattened_anyway) or not self._sources[source]:
                return source
            source = self._sources[source][0]

    def _digest(self, node: Node, outputs: list[int]) -> bytes:
        digest = hashlib.sha256(repr((_operator(node), _settings(node))).encode())
        if _operator(node) not in COMMUTATIVE:
            digest.update(repr(outputs).encode())
        for source in self.inputs(len(self._sources) - 1):
            digest.update(self.digests[source])
        return digest.digest()


def _operator(node: Node) -> str:
    return SYNONYMS.get(node.operator, node.operator)


def _settings(node: Node) -> list[tuple[str, Any]]:
    """What of the attributes of ``node`` decides its result; all of them, for an operator not known here."""
    if node.is_variable:
        return []
    defaults = DEFAULTS.get(_operator(node))
    if defaults is None:
        return sorted((key, repr(value)) for key, value in node.attributes.items())
    found = {key: node.attributes.get(key, default) for key, default in defaults.items()}
    if found.get("global_pool"):
        return [("global_pool", found["pool_type"])]
    dimensions = len(found["kernel"]) if isinstance(found.get("kernel"), tuple) else 2
    for key, value in found.items():
        if key in ("stride", "pad", "dilate"):
            found[key] = (
                value if isinstance(value, tuple) and value else (DEFAULTS["Convolution"][key],) * dimensions
            )
        elif isinstance(value, float) or key in ("eps", "slope"):
            found[key] = f"{value:.6g}" if isinstance(value, (int, float)) else repr(value)
    return sorted(found.items())
