"""Starting a network from weights: of a run, of a model folder, or in a file of another project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.checkpoint.verify import MANIFEST, read_checkpoint
from gluonlab.errors import CheckpointError
from gluonlab.models.catalogue import MODELS
from gluonlab.models.options import ModelOptions
from gluonlab.models.two_heads import TwoHeaded
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.weights.files import is_params_file, read_weights, read_which
from gluonlab.weights.fitting import Fitted, fit
from gluonlab.weights.gluon_graph import graph_of
from gluonlab.weights.graph_names import graph_beside, structural_names, symbol_beside
from gluonlab.weights.model_folder import FACTS_FILE, read_model_folder, weights_in
from gluonlab.weights.naming import Naming, namings_of
from gluonlab.weights.same_graph import difference
from gluonlab.weights.tables import NAMINGS, OWN
from gluonlab.weights.which import Taken, Which


@dataclass(frozen=True)
class Loaded:
    """``kept`` are the names of parameters that stayed as they were, ``taken`` is what the others are now."""

    kept: tuple[str, ...]
    taken: Taken


def load_weights(
    net: gluon.HybridBlock,
    path: Path,
    *,
    model: Optional[str] = None,
    is_new_head: bool = False,
    which: Optional[Which] = None,
) -> Loaded:
    """Fill the initialised ``net`` from ``path``; returns what was done.

    ``path`` is a file that `read_weights` reads, a model folder, or a checkpoint directory. Tensors are
    named as in ``net._collect_params_with_prefix()`` or, for a ``model`` of the registry, as another project
    names them (`weights.tables`). With ``is_new_head``, a classifier of other classes is not taken. Where
    there are weights and their average, ``which`` are taken, without it the average.

    Raises `CheckpointError`: as `read_weights` and `read_checkpoint`, and CKP06 with the first tensors
    that do not fit, CKP49 without ``which``, or CKP06 if a model folder says that it is of another model.
    """
    parameters = net._collect_params_with_prefix()
    fitted = read_fitting(path, net, model, head_of(net) if is_new_head else (), which)
    for name, array in fitted.tensors.items():
        parameters[name].set_data(nd.array(array, dtype=parameters[name].dtype))
    return Loaded(tuple(name for name in parameters if name not in fitted.tensors), fitted.taken)


def read_fitting(
    path: Path,
    net: gluon.HybridBlock,
    model: Optional[str],
    head: tuple[str, ...] = (),
    which: Optional[Which] = None,
) -> Fitted:
    """The arrays of ``path`` by our names, and how they were named; see `load_weights` and `fitting.fit`."""
    if (path / FACTS_FILE).is_file():
        facts = read_model_folder(path)  # checks the weights
        if model not in (None, facts.model):
            raise CheckpointError("CKP06", str(path), f"holds weights of {facts.model}, not of {model}")
    if (path / MANIFEST).is_file():
        read_checkpoint(path)  # checks the weights
    if path.is_dir():
        file, taken = weights_in(path, which)
        tensors = read_weights(file)
    else:
        file = path
        tensors, taken = read_which(path, which)
    namings = namings_of(model, NAMINGS) if model else [OWN]
    try:
        return replace(fit(tensors, _shapes(net), namings, str(file), head), taken=taken)
    except CheckpointError:
        if any("." in name for name in tensors) or not is_params_file(file):
            raise
    return replace(_fit_graph_names(tensors, file, net, namings, model, head), taken=taken)


def _fit_graph_names(
    tensors: Tensors,
    file: Path,
    net: gluon.HybridBlock,
    namings: Sequence[Naming],
    model: Optional[str],
    head: tuple[str, ...],
) -> Fitted:
    """As `fit`, of ``tensors`` that are called as in a graph: as ``net`` or as its twin in Gluon's zoo."""
    graph, symbol = graph_beside(file), symbol_beside(file).name
    for other, known in _twins(net, namings, model):
        names = structural_names(tensors, graph, other)
        if names is not None:
            renamed = {names[name]: array for name, array in tensors.items()}
            fitted = fit(renamed, _shapes(net), known, str(file), head)
            return replace(fitted, names="Gluon's blocks" if graph is None else symbol)
    if graph is None:
        what, hint = "has no names that this model is known by", f"put its graph beside it, as {symbol}"
        raise CheckpointError("CKP06", str(file), what, hint)
    what = f"{symbol} beside it is another network: {difference(graph, graph_of(net))}"
    raise CheckpointError("CKP06", str(file), what)


def _twins(
    net: gluon.HybridBlock, namings: Sequence[Naming], model: Optional[str]
) -> Iterator[tuple[gluon.HybridBlock, Sequence[Naming]]]:
    yield net, [OWN]
    of_zoo = [naming for naming in namings if naming.source == "gluon"]
    if of_zoo and f"gluon:{model}" in MODELS:
        zoo = MODELS[f"gluon:{model}"]
        yield zoo.build(zoo.classes, ModelOptions()), of_zoo


def _shapes(net: gluon.Block) -> dict[str, tuple[int, ...]]:
    return {name: tuple(parameter.shape) for name, parameter in net._collect_params_with_prefix().items()}


def head_of(net: gluon.Block) -> tuple[str, ...]:
    """Names of the parameters of the classifier, or of two: the layer that was made last."""
    names = list(net._collect_params_with_prefix())
    layers = net.heads if isinstance(net, TwoHeaded) else (names[-1].rpartition(".")[0],)
    return tuple(name for name in names if name.rpartition(".")[0] in layers)
