"""A network to the gradient tensors that its backward pass makes, in that order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from math import prod

from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.simulate.gradients import GradientTensor

_RUNNING_STATISTICS = ("running_mean", "running_var")


def gradient_tensors(net: gluon.HybridBlock, input_shape: Sequence[int]) -> tuple[GradientTensor, ...]:
    """The trainable tensors of ``net``, last layer first, with the multiply-adds of one image.

    ``input_shape`` is (channels, height, width). Nothing is computed: shapes come from the symbol graph.
    """
    output = net(mx.sym.var("data"))
    internals = output.get_internals()
    _, all_shapes, _ = internals.infer_shape_partial(data=(1, *input_shape))
    shapes = dict(zip(internals.list_outputs(), all_shapes))
    nodes = json.loads(output.tojson())["nodes"]
    costs = {}
    for node in nodes:
        if node["op"] in ("Convolution", "FullyConnected"):
            weight = nodes[node["inputs"][1][0]]["name"]
            # Each output position of a channel uses all weights of that channel once.
            costs[weight] = prod(shapes[node["name"] + "_output"]) // shapes[weight][0] * prod(shapes[weight])
    return tuple(
        GradientTensor(node["name"], prod(shapes[node["name"]]), costs.get(node["name"], 0))
        for node in reversed(nodes)
        if node["op"] == "null" and node["name"] != "data" and not node["name"].endswith(_RUNNING_STATISTICS)
    )
