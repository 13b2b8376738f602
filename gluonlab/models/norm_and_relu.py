"""BatchNorm and the ReLU behind it as one operator on the CPU: the same bits, two passes over memory less."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gluonlab.models.graph_rewriting import Shapes, rewrite_graph
from gluonlab.runtime.mxnet import gluon, mx

NORM_AND_RELU = "_contrib_BatchNormWithReLU"
BLOCK = 16
"""Channels that oneDNN keeps together where their number allows."""

Node = dict[str, Any]


def join_norm_and_relu(net: gluon.HybridBlock) -> None:
    """Have the hybridized ``net`` compute each BatchNorm with its ReLU, where oneDNN can; CPU only.

    Gradients are for training mode: the operator keeps no mask of the ReLU in prediction mode. Exports of a
    network that was run this way contain the operator.
    """
    if has_onednn():
        rewrite_graph(net, joined)


def has_onednn() -> bool:
    """Whether MXNet computes with oneDNN, which alone has the operator."""
    return bool(mx.runtime.Features().is_enabled("MKLDNN")) and os.environ.get("MXNET_MKLDNN_ENABLED") != "0"


def joined(graph: Any, shapes: Shapes) -> Any:
    """``graph``, with inputs of ``shapes``, with one operator for each BatchNorm that only a ReLU reads."""
    outputs = graph.get_internals()
    inferred = dict(zip(outputs.list_outputs(), outputs.infer_shape_partial(**shapes)[1]))
    tree = json.loads(graph.tojson())
    nodes: list[Node] = tree["nodes"]
    readers = Counter(source for node in nodes for source, *_ in node["inputs"])
    readers.update(source for source, *_ in tree["heads"])
    kept: list[Node] = []
    place: dict[int, int] = {}  # of each node among those kept; a ReLU is where its BatchNorm is
    for number, node in enumerate(nodes):
        if _is_relu(node):
            norm = node["inputs"][0][0]
            source = nodes[nodes[norm]["inputs"][0][0]] if nodes[norm]["inputs"] else {}
            if (
                _joins(nodes[norm], inferred)
                and readers[norm] == 1
                and not _is_grouped(source)
                and _is_read_by_plain(nodes, number)
            ):
                place[number] = place[norm]
                kept[place[norm]]["op"] = NORM_AND_RELU
                continue
        place[number] = len(kept)
        kept.append({**node, "inputs": [[place[source], *rest] for source, *rest in node["inputs"]]})
    return mx.sym.load_json(
        json.dumps(
            {
                "nodes": kept,
                "arg_nodes": [number for number, node in enumerate(kept) if node["op"] == "null"],
                "heads": [[place[source], *rest] for source, *rest in tree["heads"]],
                "attrs": tree["attrs"],
            }
        )
    )


def _is_relu(node: Node) -> bool:
    return bool(node["op"] == "Activation" and node["attrs"]["act_type"] == "relu")


def _joins(node: Node, shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Whether ``node`` is a BatchNorm of images by their own statistics; the operator takes no other.

    MXNet passes it the gradient in whatever blocks of channels the layer behind made, which oneDNN takes only
    if they are those of the images. Of whole blocks of 16, and behind `_is_read_by_plain`, they are.
    """
    attributes = node.get("attrs", {})
    if (
        node["op"] != "BatchNorm"
        or attributes.get("axis", "1") != "1"
        or attributes.get("use_global_stats", "False") != "False"
    ):
        return False
    shape = shapes[f"{node['name']}_output"]
    return len(shape) == 4 and shape[1] % BLOCK == 0


def _is_read_by_plain(nodes: list[Node], number: int) -> bool:
    """Whether what reads node ``number``, maybe past pooling, is ungrouped convolutions of whole blocks."""
    found = [node for node in nodes if any(source == number for source, *_ in node["inputs"])]
    return bool(found) and all(_is_plain(nodes, node) for node in found)


def _is_grouped(node: Node) -> bool:
    """Whether ``node`` is a convolution in groups, whose results come in blocks of its own choice."""
    return bool(node.get("attrs", {}).get("num_group", "1") != "1")


def _is_plain(nodes: list[Node], node: Node) -> bool:
    attributes = node.get("attrs", {})
    if node["op"] == "Pooling":
        is_global = attributes.get("global_pool", "False") == "True"
        return not is_global and _is_read_by_plain(nodes, nodes.index(node))
    return bool(
        node["op"] == "Convolution" and not _is_grouped(node) and int(attributes["num_filter"]) % BLOCK == 0
    )
