"""What each MXNet operator is in ONNX, for prediction: BatchNorm with its running statistics, no dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional

from gluonlab.weights.onnx_export import shapes, tokens
from gluonlab.weights.onnx_export.attributes import Attributes, Graph
from gluonlab.weights.onnx_export.pooling import pooling

Convert = Callable[[Graph, list[str], Attributes], str]


def convolution(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Convolution of images (N, C, H, W)."""
    kernel = attributes.value("kernel")
    return graph.add(
        "Conv",
        inputs,
        kernel_shape=list(kernel),
        strides=list(attributes.value("stride") or (1,) * len(kernel)),
        dilations=list(attributes.value("dilate") or (1,) * len(kernel)),
        pads=attributes.pads(len(kernel)),
        group=attributes.value("num_group", 1),
    )


def batch_norm(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Normalisation by the running statistics."""
    if attributes.value("axis", 1) != 1:
        raise attributes.refuse("BatchNorm over another axis than 1")
    if attributes.value("fix_gamma", True):
        graph.fill(inputs[1], 1.0)  # whatever is stored, MXNet takes ones
    return graph.add("BatchNormalization", inputs, epsilon=float(attributes.value("eps", 1e-3)))


ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softrelu": "Softplus",
    "softsign": "Softsign",
}


def activation(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """ReLU, sigmoid, tanh and the like."""
    kind = attributes.value("act_type")
    if kind not in ACTIVATIONS:
        raise attributes.refuse(f"activation {kind}")
    return graph.add(ACTIVATIONS[kind], inputs)


def adaptive_pooling(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Means over a grid of cells, where the cells are equal."""
    sizes, cells = attributes.input_shape[2:], attributes.value("output_size")
    if any(size % count for size, count in zip(sizes, cells)):
        raise attributes.refuse(f"pooling of {sizes} pixels into {cells} cells")
    windows = [size // count for size, count in zip(sizes, cells)]
    return graph.add("AveragePool", inputs, kernel_shape=windows, strides=windows)


def fully_connected(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Matrix product and bias; images become vectors first, or each position has its own product."""
    if not attributes.value("flatten", True):
        product = graph.add("MatMul", [inputs[0], graph.add("Transpose", [inputs[1]], perm=[1, 0])])
        return graph.add("Add", [product, inputs[2]]) if len(inputs) > 2 else product
    return graph.add("Gemm", [graph.add("Flatten", inputs[:1], axis=1), *inputs[1:]], transB=1)


def clip(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Values kept between two bounds: ReLU6."""
    bounds = (attributes.value("a_min"), attributes.value("a_max"))
    return graph.add("Clip", [*inputs, *(graph.constant(float(bound)) for bound in bounds)])


def hard_sigmoid(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """max(0, min(1, alpha x + beta))."""
    alpha, beta = float(attributes.value("alpha", 0.2)), float(attributes.value("beta", 0.5))
    return graph.add("HardSigmoid", inputs, alpha=alpha, beta=beta)


def zeros_like(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Zeros of the shape of the input, whose numbers are finite."""
    return graph.add("Mul", [*inputs, graph.constant(0.0)])


def identity(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Leave out what changes nothing: dropout in prediction, copies."""
    return inputs[0]


def _plain(kind: str) -> Convert:
    return lambda graph, inputs, attributes: graph.add(kind, inputs)


def _with_scalar(kind: str) -> Convert:
    def convert(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
        return graph.add(kind, [*inputs, graph.constant(float(attributes.value("scalar", 1)))])

    return convert


OPERATORS: dict[str, Convert] = {
    "Convolution": convolution,
    "BatchNorm": batch_norm,
    "Activation": activation,
    "Pooling": pooling,
    "_contrib_AdaptiveAvgPooling2D": adaptive_pooling,
    "FullyConnected": fully_connected,
    "clip": clip,
    "hard_sigmoid": hard_sigmoid,
    "LeakyReLU": tokens.gelu,
    "LayerNorm": tokens.layer_norm,
    "softmax": tokens.softmax,
    "batch_dot": tokens.batch_dot,
    "norm": tokens.norm,
    "mean": tokens.mean,
    "Concat": shapes.concat,
    "Flatten": shapes.flatten,
    "Reshape": shapes.reshape,
    "transpose": shapes.transpose,
    "SwapAxis": shapes.swap_axes,
    "slice": shapes.slice_,
    "slice_axis": shapes.slice_axis,
    "broadcast_like": shapes.broadcast_like,
    "zeros_like": zeros_like,
    "Dropout": identity,
    "_copy": identity,
    "relu": _plain("Relu"),
    "sigmoid": _plain("Sigmoid"),
    "elemwise_add": _plain("Add"),
    "broadcast_add": _plain("Add"),
    "_plus": _plain("Add"),
    "elemwise_mul": _plain("Mul"),
    "broadcast_mul": _plain("Mul"),
    "_mul": _plain("Mul"),
    "broadcast_div": _plain("Div"),
    "_plus_scalar": _with_scalar("Add"),
    "_mul_scalar": _with_scalar("Mul"),
    "_div_scalar": _with_scalar("Div"),
}
"""By the name of the operator in the symbol graph."""


def converter(operator: str, attributes: Attributes) -> Convert:
    """What converts ``operator``; raises `ConfigError` CFG78 where there is nothing like it."""
    convert: Optional[Convert] = OPERATORS.get(operator)
    if convert is None:
        raise attributes.refuse(f"the operator {operator}")
    return convert
