"""What transformers and their like are made of, in operators that ONNX had in 2020."""

from __future__ import annotations

from gluonlab.weights.onnx_export.attributes import Attributes, Graph


def layer_norm(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Normalisation over the last axis: Ba et al. 2016 (arXiv:1607.06450)."""
    x, gamma, beta = inputs
    if attributes.value("axis", -1) not in (-1, len(attributes.input_shape) - 1):
        raise attributes.refuse("LayerNorm over another axis than the last")
    centred = graph.add("Sub", [x, graph.add("ReduceMean", [x], axes=[-1], keepdims=1)])
    variance = graph.add("ReduceMean", [graph.add("Mul", [centred, centred])], axes=[-1], keepdims=1)
    epsilon = graph.constant(float(attributes.value("eps", 1e-5)))
    deviation = graph.add("Sqrt", [graph.add("Add", [variance, epsilon])])
    scaled = graph.add("Mul", [graph.add("Div", [centred, deviation]), gamma])
    return graph.add("Add", [scaled, beta])


def gelu(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Each number times the share of a normal distribution below it; one of MXNet's leaky ReLUs."""
    kind = attributes.value("act_type", "leaky")
    if kind != "gelu":
        raise attributes.refuse(f"activation {kind}")
    error = graph.add("Erf", [graph.add("Mul", [inputs[0], graph.constant(0.5**0.5)])])
    share = graph.add("Mul", [graph.add("Add", [error, graph.constant(1.0)]), graph.constant(0.5)])
    return graph.add("Mul", [inputs[0], share])


def softmax(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Softmax along one axis."""
    if len(inputs) > 1 or attributes.value("temperature") not in (None, 1.0):
        raise attributes.refuse("softmax with lengths or a temperature")
    return graph.add("Softmax", inputs, axis=attributes.value("axis", -1))


def batch_dot(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """A matrix product for each place of the first axis."""
    factors = [
        graph.add("Transpose", [factor], perm=[0, 2, 1]) if attributes.value(key, False) else factor
        for factor, key in zip(inputs, ("transpose_a", "transpose_b"))
    ]
    return graph.add("MatMul", factors)


def norm(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Euclidean norm along some axes."""
    if attributes.value("ord", 2) != 2 or attributes.value("axis") is None:
        raise attributes.refuse("another norm than the Euclidean along axes")
    return graph.add("ReduceL2", inputs, **_reduced(attributes))


def mean(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Mean along some axes."""
    if attributes.value("axis") is None or attributes.value("exclude", False):
        raise attributes.refuse("a mean over all axes, or all others")
    return graph.add("ReduceMean", inputs, **_reduced(attributes))


def _reduced(attributes: Attributes) -> dict[str, object]:
    axes = attributes.value("axis")
    keeps = int(bool(attributes.value("keepdims", False)))
    return {"axes": [axes] if isinstance(axes, int) else list(axes), "keepdims": keeps}
