"""Forward passes of a network of the zoo: MXNet's graph, the same with oneDNN's fusions, or ONNX Runtime.

python benchmarks/peers/mxnet_inference.py hybridized|onednn|onnxruntime MODEL BATCH SIZE THREADS
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Callable

from protocol import serve

from gluonlab import models
from gluonlab.runtime.mxnet import gluon, mx, nd

Step = Callable[[], object]


def main(engine: str, model: str, batch: int, size: int, threads: int) -> None:
    net = models.create(model)
    net.initialize()
    images = nd.random.normal(shape=(batch, 3, size, size))
    net.hybridize(static_alloc=True, static_shape=True)
    net(images).wait_to_read()
    if engine == "hybridized":
        step: Step = lambda: net(images).wait_to_read()  # noqa: E731
    elif engine == "onednn":
        fused = fuse_with_onednn(net, images)
        step = lambda: fused(images).wait_to_read()  # noqa: E731
    else:
        step = in_onnxruntime(net, images, threads)
    serve(step, nd.waitall, {"mxnet": mx.__version__})


def fuse_with_onednn(net: Any, images: Any) -> Any:
    """The network with convolution, BatchNorm, sum and ReLU as one operator each."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "net")
        net.export(path)
        symbol = mx.sym.load(f"{path}-symbol.json").get_backend_symbol("MKLDNN")
        fused = gluon.SymbolBlock(symbol, mx.sym.var("data"))
        fused.load_parameters(f"{path}-0000.params", cast_dtype=True, allow_missing=True, ignore_extra=True)
    fused.hybridize(static_alloc=True, static_shape=True)
    fused(images).wait_to_read()
    return fused


def in_onnxruntime(net: Any, images: Any, threads: int) -> Step:
    """The network exported to ONNX, its weights as constants so that they can be folded."""
    import onnx
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "net")
        net.export(path)
        exported = mx.onnx.export_model(
            f"{path}-symbol.json", f"{path}-0000.params", [images.shape], "float32", f"{path}.onnx"
        )
        graph = onnx.load(exported)
    weights = {tensor.name for tensor in graph.graph.initializer}
    for value in [value for value in graph.graph.input if value.name in weights]:
        graph.graph.input.remove(value)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (name,) = (value.name for value in session.get_inputs())
    values = images.asnumpy()
    return lambda: session.run(None, {name: values})


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]))
