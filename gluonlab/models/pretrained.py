"""Starting a network from weights: of a run, of a model folder, or in a file of another project."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.checkpoint.verify import MANIFEST, read_checkpoint
from gluonlab.errors import CheckpointError
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.weights.files import read_weights
from gluonlab.weights.model_folder import FACTS_FILE, WEIGHTS_FILE, read_model_folder
from gluonlab.weights.naming import Naming, fit, namings_of
from gluonlab.weights.tables import NAMINGS, OWN


def load_weights(
    net: gluon.Block, path: Path, *, model: Optional[str] = None, is_new_head: bool = False
) -> tuple[str, ...]:
    """Fill the initialised ``net`` from ``path``; returns the names of parameters that stay as they are.

    ``path`` is a file that `read_weights` reads, a model folder, or a checkpoint directory. Tensors are
    named as in ``net._collect_params_with_prefix()`` or, for a ``model`` of the registry, as another project
    names them (`weights.tables`). With ``is_new_head``, a classifier of other classes is not taken.

    Raises `CheckpointError`: as `read_weights` and `read_checkpoint`, and CKP06 with every tensor that does
    not fit, or if a model folder says that it is of another model.
    """
    parameters = net._collect_params_with_prefix()
    shapes = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
    fitted, _ = read_fitting(path, shapes, model, head_of(net) if is_new_head else ())
    for name, array in fitted.items():
        parameters[name].set_data(nd.array(array, dtype=parameters[name].dtype))
    return tuple(name for name in parameters if name not in fitted)


def read_fitting(
    path: Path, shapes: dict[str, tuple[int, ...]], model: Optional[str], head: tuple[str, ...] = ()
) -> tuple[Tensors, Naming]:
    """The arrays of ``path`` by our names, and how they were named; see `load_weights` and `naming.fit`."""
    if (path / FACTS_FILE).is_file():
        facts = read_model_folder(path)  # checks the weights
        if model not in (None, facts.model):
            raise CheckpointError("CKP06", str(path), f"holds weights of {facts.model}, not of {model}")
    if (path / MANIFEST).is_file():
        read_checkpoint(path)  # checks the weights
    file = path / WEIGHTS_FILE if path.is_dir() else path
    namings = namings_of(model, NAMINGS) if model else [OWN]
    return fit(read_weights(file), shapes, namings, str(file), head)


def head_of(net: gluon.Block) -> tuple[str, ...]:
    """Names of the parameters of the classifier: the layer that was made last."""
    names = list(net._collect_params_with_prefix())
    layer = names[-1].rpartition(".")[0]
    return tuple(name for name in names if name.rpartition(".")[0] == layer)
