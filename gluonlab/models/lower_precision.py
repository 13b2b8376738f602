"""Computing a network in bfloat16 or float16 while its parameters stay float32.

MXNet's graph pass puts casts around the operators that gain from the smaller type. It is applied to the
graph of one network, where MXNet's own ``amp.init`` changes all operators of the process for good.
Parameters, gradients, BatchNorm's statistics and the outputs are float32 (Micikevicius et al. 2018).
"""

from __future__ import annotations

import json
from typing import Any, Literal

from gluonlab.models.graph_rewriting import rewrite_graph
from gluonlab.runtime.mxnet import amp, gluon

LowerPrecision = Literal["bfloat16", "float16"]

BFLOAT16_OPERATORS = ["Convolution", "FullyConnected", "Activation"]
# MXNet's default has Activation here, and an operator may be in one list only.
FLOAT32_IF = [("LeakyReLU", "act_type", ["elu", "selu"])]
MIN_CHANNELS = 16
"""oneDNN's bfloat16 convolutions work on blocks of so many channels; with fewer, float32 is faster."""


def compute_in_lower_precision(net: gluon.HybridBlock, dtype: LowerPrecision) -> None:
    """Make the graph of ``net`` compute in ``dtype``, from its next forward pass on.

    ``net`` must be the outermost block and be hybridized: what is run operator by operator, or as a part
    of another graph, stays float32. Exports of a converted network contain casts.
    """
    rewrite_graph(net, lambda graph, shapes: _convert(graph, list(shapes), dtype))


def _convert(graph: Any, inputs: list[str], dtype: LowerPrecision) -> Any:
    if dtype == "float16":
        return amp.convert_symbol(graph, target_dtype=dtype, data_names=inputs)
    nodes = json.loads(graph.tojson())["nodes"]
    return amp.convert_symbol(
        graph,
        target_dtype=dtype,
        target_dtype_ops=BFLOAT16_OPERATORS,
        fp32_ops=[*amp.lists.symbol_bf16.FP32_FUNCS, *(["Concat"] if _joins_slices(nodes) else [])],
        conditional_fp32_ops=FLOAT32_IF,
        excluded_sym_names=[node["name"] for node in nodes if _stays_float32(node, nodes)],
        data_names=inputs,
    )


def _joins_slices(nodes: list[dict[str, Any]]) -> bool:
    """Whether a slice, which MXNet keeps in float32, is put beside something else, which has to be too."""
    sources = (nodes[source] for node in nodes if node["op"] == "Concat" for source, *_ in node["inputs"])
    return any(source["op"] == "slice_axis" for source in sources)


def _stays_float32(node: dict[str, Any], nodes: list[dict[str, Any]]) -> bool:
    attributes = node.get("attrs", {})
    if node["op"] in ("Activation", "LeakyReLU"):
        return bool(attributes.get("act_type") != "relu")
    if node["op"] != "Convolution":
        return False
    weight = nodes[node["inputs"][1][0]]
    return _input_channels(weight, groups=int(attributes.get("num_group", 1))) < MIN_CHANNELS


def _input_channels(weight: dict[str, Any], groups: int) -> int:
    """Channels that a convolution reads, from its weight (out, in / groups, ...); all where unknown."""
    shape = weight.get("attrs", {}).get("__shape__", "()").strip("()").split(",")
    return int(shape[1]) * groups if len(shape) > 1 and int(shape[1]) > 0 else MIN_CHANNELS
