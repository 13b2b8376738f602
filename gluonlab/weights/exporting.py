"""Networks that leave: for ONNX runtimes, for PyTorch, for MXNet itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import safetensors.numpy

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.disk import make_folder
from gluonlab.errors import CheckpointError
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.weights.formats import Format, write_files
from gluonlab.weights.gluon_graph import structural
from gluonlab.weights.mxnet_params import write_params
from gluonlab.weights.naming import UPDATE_COUNTER, Naming, naming_of, namings_of
from gluonlab.weights.onnx_export.model import INPUT, onnx_model
from gluonlab.weights.tables import NAMINGS

TORCH_SOURCES = ("torchvision", "timm")


def export(
    net: gluon.HybridBlock, form: Format, folder: Path, *, model: str, input_shape: Sequence[int]
) -> list[Path]:
    """Write ``net``, the model called ``model``, into ``folder``, which is made; returns the files.

    ``input_shape`` (C, H, W) of the images matters to ONNX only.

    Raises:
        ConfigError: CFG76 no PyTorch project has this model, CFG78 an operator is not known to ONNX.
        CheckpointError: CKP01 a file cannot be written.
    """
    if form == "onnx":
        files = {f"{model}.onnx": onnx_model(net, input_shape).SerializeToString()}
    elif form == "torch":
        files = {f"{model}.safetensors": safetensors.numpy.save(torch_state_dict(net, model))}
    else:
        return export_symbol(net, folder, model)
    return write_files(folder, files)


def torch_state_dict(net: gluon.Block, model: str) -> Tensors:
    """The weights of ``net`` by the names of torchvision, or of timm where torchvision has no such model.

    Update counters of BatchNorm are zero. Raises `ConfigError` CFG76.
    """
    return state_dict_by(torch_naming(model), net)


def state_dict_by(naming: Naming, net: gluon.Block) -> Tensors:
    """The weights of ``net`` as a PyTorch project with this ``naming`` has them."""
    tensors: Tensors = {}
    for name, parameter in net._collect_params_with_prefix().items():
        array = parameter.data().asnumpy()
        tensors[naming.their_name(name)] = array.reshape(naming.their_shape(name, array.shape))
        if name.endswith("running_var"):
            layer = naming.their_name(name).rpartition(".")[0]
            tensors[f"{layer}.{UPDATE_COUNTER}"] = np.array(0)
    return tensors


def torch_naming(model: str) -> Naming:
    """How torchvision, or else timm, names ``model``; raises `ConfigError` CFG76."""
    sources = [naming.source for naming in namings_of(model, NAMINGS) if naming.source in TORCH_SOURCES]
    return naming_of(model, sources[0] if sources else TORCH_SOURCES[0], NAMINGS)


def export_symbol(net: gluon.HybridBlock, folder: Path, model: str) -> list[Path]:
    """``MODEL-symbol.json`` and ``MODEL-0000.params``, as ``SymbolBlock.imports`` wants them; our names."""
    symbol = net(mx.sym.var(INPUT))
    states = set(symbol.list_auxiliary_states())
    tensors = {
        f"{'aux' if parameter.name in states else 'arg'}:{name}": parameter.data().asnumpy()
        for name, parameter in net._collect_params_with_prefix().items()
    }
    graph, weights = folder / f"{model}-symbol.json", folder / f"{model}-0000.params"
    try:
        make_folder(folder)
        graph.write_text(structural(net, symbol))
    except OSError as error:
        raise CheckpointError("CKP01", str(graph), f"cannot be written: {error.strerror}") from None
    write_params(weights, tensors)
    return [graph, weights]
