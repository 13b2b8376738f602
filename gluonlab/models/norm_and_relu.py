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
    filters = _filters_behind(nodes)
    readers = Counter(source for node in nodes for source, *_ in node["inputs"])
    readers.update(source for source, *_ in tree["heads"])
    kept: list[Node] = []
    place: dict[int, int] = {}  # of each node among those kept; a ReLU is where its BatchNorm is
    for number, node in enumerate(nodes):
        if _is_relu(node):
            norm = node["inputs"][0][0]
            if _joins(nodes[norm], inferred, filters[number]) and readers[norm] == 1:
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


def _joins(node: Node, shapes: Mapping[str, tuple[int, ...]], filters: set[int]) -> bool:
    """Whether ``node`` is a BatchNorm of images by their own statistics; the operator takes no other.

    Neither does it take gradients in blocks of 8 channels for images in blocks of 16, which come from
    convolutions behind it with a number of ``filters`` that is a multiple of 8 alone.
    """
    attributes = node.get("attrs", {})
    if (
        node["op"] != "BatchNorm"
        or attributes.get("axis", "1") != "1"
        or attributes.get("use_global_stats", "False") != "False"
    ):
        return False
    shape = shapes[f"{node['name']}_output"]
    has_mixed_blocks = len(shape) > 1 and shape[1] % 16 == 0 and any(count % 16 == 8 for count in filters)
    return len(shape) == 4 and not has_mixed_blocks


def _filters_behind(nodes: list[Node]) -> list[set[int]]:
    """For each node the filters of the convolutions that read it, at once or past other operators."""
    found: list[set[int]] = [set() for _ in nodes]
    for number in reversed(range(len(nodes))):
        node = nodes[number]
        if node["op"] == "Convolution":
            behind = {int(node["attrs"]["num_filter"])}
        else:
            behind = set() if node["op"] == "BatchNorm" else found[number]
        for source, *_ in node["inputs"]:
            found[source] |= behind
    return found
