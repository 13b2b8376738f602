"""A network as an ONNX model: weights are initializers under our names, any batch size goes in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from gluonlab import __version__
from gluonlab.commands import pip_command
from gluonlab.errors import SetupError
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.weights.onnx_export import CONSTANT
from gluonlab.weights.onnx_export.attributes import Attributes
from gluonlab.weights.onnx_export.operators import converter

OPSET = 13
"""Version of ONNX's operators: that of 2020, which all runtimes of today read."""
IR_VERSION = 8
INPUT, OUTPUT, BATCH = "images", "logits", "batch"


class _Graph:
    """Nodes and initializers, in the order that they were added."""

    def __init__(self, onnx: Any) -> None:
        self._onnx = onnx
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        output = f"{kind}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, list(inputs), [output], output, **attributes))
        return output

    def constant(self, values: Any, dtype: str = "float32") -> str:
        array = np.array(values, dtype)
        digest = hashlib.sha256(repr(array.shape).encode() + array.tobytes()).hexdigest()
        name = f"{CONSTANT}{dtype}_{digest[:16]}"
        self.initializers[name] = array
        return name

    def fill(self, name: str, value: float) -> None:
        self.initializers[name] = np.full_like(self.initializers[name], value)


def onnx_model(net: gluon.HybridBlock, input_shape: Sequence[int]) -> Any:
    """The ONNX model of ``net`` for images (N, *``input_shape``), opset 13, checked by the library.

    Raises:
        ConfigError: CFG78 for an operator that is not known.
        SetupError: ENV75 if onnx is not installed.
    """
    onnx = _library()
    symbol = net(mx.sym.var(INPUT))
    document, shapes = json.loads(symbol.tojson()), _shapes(symbol, input_shape)
    names = {parameter.name: name for name, parameter in net._collect_params_with_prefix().items()}
    parameters = net._collect_params_with_prefix()
    graph, outputs = _Graph(onnx), dict[int, str]()
    for index, node in enumerate(document["nodes"]):
        if node["op"] == "null":
            outputs[index] = names.get(node["name"], node["name"])
            if node["name"] in names:
                graph.initializers[outputs[index]] = parameters[outputs[index]].data().asnumpy()
        else:
            shape = shapes[document["nodes"][node["inputs"][0][0]]["name"]]
            attributes = Attributes(node["name"], node.get("attrs", {}), shape)
            inputs = [outputs[source] for source, _, _ in node["inputs"]]
            outputs[index] = converter(node["op"], attributes)(graph, inputs, attributes)
    graph.nodes[-1].output[0] = OUTPUT
    return _model(onnx, graph, input_shape)


def _shapes(symbol: Any, input_shape: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Of the first output of each node, by the name of the node, for one image."""
    internals = symbol.get_internals()
    _, shapes, _ = internals.infer_shape_partial(**{INPUT: (1, *input_shape)})
    found: dict[str, tuple[int, ...]] = {}
    for output, shape in zip(internals, shapes):
        found.setdefault(output.name, shape)
    return found


def _model(onnx: Any, graph: _Graph, input_shape: Sequence[int]) -> Any:
    images = onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [BATCH, *input_shape])
    logits = onnx.helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, [BATCH, "classes"])
    initializers = [onnx.numpy_helper.from_array(array, name) for name, array in graph.initializers.items()]
    model = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "gluonlab", [images], [logits], initializers),
        producer_name="gluonlab",
        producer_version=__version__,
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    return model


def _library() -> Any:
    try:
        import onnx
        import onnx.checker
        import onnx.helper
        import onnx.numpy_helper
    except ImportError:
        raise SetupError(
            "ENV75", "onnx", "is not installed", pip_command("install", "gluonlab[export]")
        ) from None
    return onnx
