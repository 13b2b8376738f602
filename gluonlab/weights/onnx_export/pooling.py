"""MXNet's pooling in ONNX, by what all runtimes read alike.

Where a last window hangs over the padded image, runtimes disagree: what such a mean is divided by changed in
onnxruntime 1.20, and which windows there are changed too. There, padding is an operator of its own, and the
divisor a constant.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from gluonlab.weights.onnx_export.attributes import Attributes, Graph

LEAST = float(np.finfo(np.float32).min)
"""What padding is to a maximum."""


@dataclass(frozen=True)
class _Axis:
    """One axis of an image under ``count`` windows that hold pixels, and behind them ``empty`` ones."""

    size: int
    kernel: int
    stride: int
    pad: int
    count: int
    empty: int

    @property
    def overhang(self) -> int:
        """Pixels of the last window that lie beyond the padding."""
        return max(0, (self.count - 1) * self.stride + self.kernel - self.size - 2 * self.pad)

    def held(self, *, with_padding: bool) -> NDArray[np.float64]:
        """How many pixels each window holds, with or without padding; overhang never counts."""
        starts = np.arange(self.count) * self.stride - self.pad
        first = -self.pad if with_padding else 0
        last = self.size + (self.pad if with_padding else 0)
        held = np.minimum(starts + self.kernel, last) - np.maximum(starts, first)
        return np.asarray(held, np.float64)


def pooling(graph: Graph, inputs: list[str], attributes: Attributes) -> str:
    """Maximum or mean over windows, or over all pixels."""
    kind = attributes.value("pool_type", "max")
    if kind not in ("max", "avg"):
        raise attributes.refuse(f"pooling {kind}")
    if attributes.value("global_pool", False):
        return graph.add("GlobalMaxPool" if kind == "max" else "GlobalAveragePool", inputs)
    axes, with_padding = _axes(attributes), bool(attributes.value("count_include_pad", True))
    nothing = LEAST if kind == "max" else 0.0
    window = {"kernel_shape": [axis.kernel for axis in axes], "strides": [axis.stride for axis in axes]}
    before, empty = [axis.pad for axis in axes], [axis.empty for axis in axes]
    if not any(axis.overhang or axis.empty for axis in axes):
        window["pads"] = [*before, *before]
        if kind == "max":
            return graph.add("MaxPool", inputs, **window)
        return graph.add("AveragePool", inputs, count_include_pad=int(with_padding), **window)
    pooled = _pad(graph, inputs[0], before, [axis.pad + axis.overhang for axis in axes], nothing)
    pooled = graph.add("MaxPool" if kind == "max" else "AveragePool", [pooled], **window)
    if kind == "avg":
        held = reduce(np.multiply.outer, [axis.held(with_padding=with_padding) for axis in axes])
        factor = np.prod([axis.kernel for axis in axes]) / held
        pooled = graph.add("Mul", [pooled, graph.constant(factor[None, None])])
    return _pad(graph, pooled, [0] * len(axes), empty, nothing)


def _pad(graph: Graph, name: str, before: list[int], after: list[int], value: float) -> str:
    if not any(before) and not any(after):
        return name
    amounts = graph.constant([0, 0, *before, 0, 0, *after], "int64")
    return graph.add("Pad", [name, amounts, graph.constant(value)])


def _axes(attributes: Attributes) -> list[_Axis]:
    kernel = attributes.value("kernel")
    strides = attributes.value("stride") or (1,) * len(kernel)
    pads = attributes.pads(len(kernel))
    rounds_up = attributes.value("pooling_convention", "valid") == "full"
    axes = []
    for size, window, stride, pad in zip(attributes.input_shape[2:], kernel, strides, pads):
        steps = size + 2 * pad - window
        windows = 1 + (-(-steps // stride) if rounds_up else steps // stride)
        count = min(windows, -(-(size + pad) // stride))
        axes.append(_Axis(size, window, stride, pad, count, windows - count))
    return axes
