"""What a net costs: parameters, multiply-adds and memory, found without running it.

Shapes come from the symbol graph, so a net need not be initialised and nothing is computed. An
``input_shape`` is that of one image: (channels, height, width).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from gluonlab.runtime.mxnet import gluon, mx

FLOAT32_BYTES = 4

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layer:
    """A direct child of a net: its name, the shape of its output for one image, trainable parameters."""

    name: str
    output_shape: Shape
    parameters: int


def count_parameters(net: gluon.Block) -> int:
    """Number of trainable parameters; running statistics are not among them."""
    parameters = net.collect_params().values()
    return sum(prod(parameter.shape) for parameter in parameters if parameter.grad_req != "null")


def count_multiply_adds(net: gluon.HybridBlock, input_shape: Sequence[int]) -> int:
    """Multiply-adds of one image's forward pass in convolutions, fully connected layers and attention.

    A multiplication and its addition count as one, biases and all other layers as none: the
    convention of He et al. 2015, table 1, and of torchvision's figures. Of attention, its two products of
    matrices count.
    """
    output = net(mx.sym.var("data"))
    shapes = dict(shapes_in(output, (1, *input_shape)))
    nodes = json.loads(output.tojson())["nodes"]
    total = 0
    for node in nodes:
        if node["op"] in ("Convolution", "FullyConnected"):
            weight_index = node["inputs"][1][0]
            weight_shape = shapes[nodes[weight_index]["name"]]
            positions = prod(shapes[node["name"] + "_output"]) // weight_shape[0]
            total += positions * prod(weight_shape)
        elif node["op"] == "batch_dot":
            factor = shapes[nodes[node["inputs"][0][0]]["name"] + "_output"]
            is_transposed = node.get("attrs", {}).get("transpose_a", "False") == "True"
            total += prod(shapes[node["name"] + "_output"]) * factor[-2 if is_transposed else -1]
    return total


def activation_bytes(net: gluon.HybridBlock, input_shape: Sequence[int], batch_size: int) -> int:
    """Bytes of the float32 outputs of all operators for a batch, the input not included.

    Training keeps at most these for the backward pass; MXNet computes some of them in place, so it is
    an upper estimate. Gradients of activations and the workspaces of convolutions are not included.
    """
    output = net(mx.sym.var("data"))
    inputs = set(output.list_inputs())
    shapes = shapes_in(output, (batch_size, *input_shape))
    return FLOAT32_BYTES * sum(prod(shape) for name, shape in shapes if name not in inputs)


def list_layers(net: gluon.HybridBlock, input_shape: Sequence[int]) -> list[Layer]:
    """The direct children of ``net`` in the order they run."""
    outputs: dict[str, Any] = {}
    hooks = [
        child.register_forward_hook(lambda _, __, output, name=name: outputs.update({name: output}))
        for name, child in net._children.items()
    ]
    net(mx.sym.var("data"))
    for hook in hooks:
        hook.detach()
    return [
        Layer(
            name=name,
            output_shape=shapes_in(output, (1, *input_shape))[-1][1][1:],
            parameters=count_parameters(net._children[name]),
        )
        for name, output in outputs.items()
    ]


def shapes_in(output: Any, data_shape: Shape) -> list[tuple[str, Shape]]:
    """Name and shape of every variable and every operator's output behind ``output``, in graph order."""
    internals = output.get_internals()
    _, shapes, _ = internals.infer_shape_partial(data=data_shape)
    return list(zip(internals.list_outputs(), shapes))


def sizes_refused_by(net: gluon.HybridBlock, channels: int, sizes: Iterable[int]) -> list[int]:
    """Those of ``sizes``, sides of square images, that a layer of ``net`` cannot take, in order."""
    output, refused = net(mx.sym.var("data")), []
    for size in sorted(sizes):
        try:
            # infer_shape would print its arguments on stdout before it raises
            output.infer_shape_partial(data=(1, channels, size, size))
        except mx.MXNetError:
            refused.append(size)
    return refused
