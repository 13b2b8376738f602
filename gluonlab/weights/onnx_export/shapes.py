"""MXNet's operators on shapes and places in ONNX. The first axis is the batch, of any size."""

from __future__ import annotations

from gluonlab.weights.onnx_export.attributes import Attributes, Graph

END = 2**31 - 1


def concat(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Arrays side by side along one axis."""
    return graph.add("Concat", inputs, axis=attributes.value("dim", 1))


def flatten(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Join all axes but the first."""
    return graph.add("Flatten", inputs, axis=1)


def reshape(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Another shape, with MXNet's codes: -2 is all the rest, -3 two axes in one, -4 one axis in two."""
    if attributes.value("reverse", False):
        raise attributes.refuse("a reshape from the last axis on")
    target = _target(list(attributes.input_shape), list(attributes.value("shape")), attributes)
    return graph.add("Reshape", [inputs[0], graph.constant(target, "int64")])


def _target(sizes: list[int], codes: list[int], attributes: Attributes) -> list[int]:
    """ONNX's shape: 0 for a batch left as it is, -1 for what the batch is part of, numbers otherwise."""
    out: list[int] = []
    place = 0  # of the next axis that is read
    while codes:
        code, is_batch = codes.pop(0), place == 0
        size = sizes[place] if place < len(sizes) else 0
        if code == -2:
            out += [0 if axis == 0 else sizes[axis] for axis in range(place, len(sizes))]
            place = len(sizes)
        elif code == -3:
            out.append(-1 if is_batch else size * sizes[place + 1])
            place += 2
        elif code == -4:
            first, second = codes.pop(0), codes.pop(0)
            whole = (-1, second) if is_batch else (size // second, second)
            parts = whole if first == -1 else (first, size // first) if second == -1 else (first, second)
            if is_batch and first != -1:
                raise attributes.refuse("a reshape that splits the batch from behind")
            out += parts
            place += 1
        elif code == 0:
            out.append(0 if is_batch else size)
            place += 1
        else:
            out.append(code)
            place += 1
    if out.count(-1) > 1:
        raise attributes.refuse("a reshape of the batch and another axis")
    return out


def transpose(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Axes in another order, reversed by default."""
    axes = attributes.value("axes") or tuple(reversed(range(len(attributes.input_shape))))
    return graph.add("Transpose", inputs, perm=list(axes))


def swap_axes(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Two axes in each other's place."""
    axes = list(range(len(attributes.input_shape)))
    one, other = attributes.value("dim1", 0), attributes.value("dim2", 0)
    axes[one], axes[other] = axes[other], axes[one]
    return graph.add("Transpose", inputs, perm=axes)


def slice_(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """A part of each axis, maybe with steps."""
    begins, ends, steps = (attributes.value(key) or () for key in ("begin", "end", "step"))
    steps = [step or 1 for step in (steps or (1,) * len(begins))]
    if any(step < 0 for step in steps):
        raise attributes.refuse("a slice that runs backwards")
    parts = (
        [begin or 0 for begin in begins],
        [END if end is None else end for end in ends],
        list(range(len(begins))),
        steps,
    )
    return graph.add("Slice", [*inputs, *(graph.constant(part, "int64") for part in parts)])


def slice_axis(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """A part of one axis."""
    end = attributes.value("end")
    parts = ([attributes.value("begin")], [END if end is None else end], [attributes.value("axis")])
    return graph.add("Slice", [*inputs, *(graph.constant(part, "int64") for part in parts)])


def broadcast_like(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """The only row of an array once for each image of the batch."""
    axes = attributes.value("lhs_axes"), attributes.value("rhs_axes")
    if axes != ((0,), (0,)):
        raise attributes.refuse(f"broadcast_like along axes {axes}")
    bounds = (graph.constant([value], "int64") for value in (0, 1))
    batch = graph.add("Slice", [graph.add("Shape", inputs[1:]), *bounds])
    ones = graph.constant([1] * (len(attributes.input_shape) - 1), "int64")
    return graph.add("Expand", [inputs[0], graph.add("Concat", [batch, ones], axis=0)])
