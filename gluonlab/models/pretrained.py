"""Starting a network from the weights in a safetensors file."""

from __future__ import annotations

from pathlib import Path

from gluonlab.checkpoint.tensors import check_tensors, read_tensors
from gluonlab.runtime.mxnet import gluon, nd

WEIGHTS_FILE = "model.safetensors"


def load_weights(net: gluon.Block, path: Path) -> None:
    """Fill the initialised ``net`` from ``path``: a safetensors file, or a directory with one.

    Tensors are named as in ``net._collect_params_with_prefix()``. Raises `CheckpointError` CKP03 if the
    file cannot be read, and CKP06 with every tensor that is missing, not in the net, or of another shape.
    """
    path = path / WEIGHTS_FILE if path.is_dir() else path
    tensors = read_tensors(path)
    parameters = net._collect_params_with_prefix()
    check_tensors(str(path), tensors, {name: parameter.shape for name, parameter in parameters.items()})
    for name, parameter in parameters.items():
        parameter.set_data(nd.array(tensors[name], dtype=parameter.dtype))
