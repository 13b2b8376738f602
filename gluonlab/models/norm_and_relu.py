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
    dimensions = dict(zip(outputs.list_outputs(), map(len, outputs.infer_shape_partial(**shapes)[1])))
    tree = json.loads(graph.tojson())
    nodes: list[Node] = tree["nodes"]
    readers = Counter(source for node in nodes for source, *_ in node["inputs"])
    readers.update(source for source, *_ in tree["heads"])
    kept: list[Node] = []
    place: dict[int, int] = {}  # of each node among those kept; a ReLU is where its BatchNorm is
    for number, node in enumerate(nodes):
        if _is_relu(node):
            norm = node["inputs"][0][0]
            if _joins(nodes[norm], dimensions) and readers[norm] == 1:
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


def _joins(node: Node, dimensions: Mapping[str, int]) -> bool:
    """Whether ``node`` is a BatchNorm of images by their own statistics; the operator takes no other."""
    attributes = node.get("attrs", {})
    return bool(
        node["op"] == "BatchNorm"
        and attributes.get("axis", "1") == "1"
        and attributes.get("use_global_stats", "False") == "False"
        and dimensions[f"{node['name']}_output"] == 4
    )
