"""A network as graph and arrays, without MXNet: from MXNet's own files, model folders, runs, checkpoints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional

from gluonlab import models
from gluonlab.build.class_names import names_in_checkpoint
from gluonlab.build.image_model import ImageModel
from gluonlab.build.run_directory import find_checkpoint, load_run_config
from gluonlab.checkpoint.tensors import Tensors
from gluonlab.errors import CheckpointError, SetupError
from gluonlab.models.class_names import imagenet_classes
from gluonlab.models.entry import IMAGENET, Preprocessing
from gluonlab.weights.files import read_weights, read_which
from gluonlab.weights.model_folder import FACTS_FILE, GRAPH_FILE, read_model_folder, weights_in
from gluonlab.weights.store import find_weights
from gluonlab.weights.symbol_graph import SymbolGraph, read_symbol
from gluonlab.weights.which import Which

SYMBOL_SUFFIX = "-symbol.json"
COLOUR_CHANNELS = 3


@dataclass(frozen=True)
class PortableModel(ImageModel):
    """A graph and its parameters and running statistics; ``input_name`` is the variable for the images.

    ``files`` are the symbol and parameters that MXNet wrote, where it comes from them.
    """

    graph: SymbolGraph
    values: Tensors
    input_name: str
    files: Optional[tuple[Path, Path]] = None


def open_portable(target: Path, which: Optional[Which] = None) -> PortableModel:
    """The network of MXNet files, a model folder, ``store:NAME``, a checkpoint, or a run's newest checkpoint.

    MXNet files are a ``NAME-symbol.json`` with ``NAME-0000.params`` beside it, or the folder of one. What
    was written without its graph is opened with MXNet, if that is installed. ``which`` of the weights are
    taken, without it their average if there is one.

    Raises:
        CheckpointError: it is not there, damaged or does not fit; CKP48 no graph and no MXNet, CKP49 no such
            weights.
    """
    target = find_weights(target)
    symbol = _symbol_file(target)
    if symbol is not None:
        return _open_mxnet_files(symbol, which)
    if (target / FACTS_FILE).is_file():
        return _open_folder(target, which)
    return _open_run(target, which)


def _symbol_file(target: Path) -> Optional[Path]:
    if target.is_file() and target.name.endswith(SYMBOL_SUFFIX):
        return target
    if (target / FACTS_FILE).is_file() or not target.is_dir():
        return None
    found = sorted(path for path in target.glob(f"*{SYMBOL_SUFFIX}") if path.name != GRAPH_FILE)
    if len(found) > 1:
        names = ", ".join(path.name for path in found[:5])
        raise CheckpointError("CKP40", str(target), f"holds several networks: {names}", "name one of them")
    return found[0] if found else None


def _open_mxnet_files(symbol: Path, which: Optional[Which]) -> PortableModel:
    prefix = symbol.name[: -len(SYMBOL_SUFFIX)]
    weights = sorted(symbol.parent.glob(f"{prefix}-[0-9][0-9][0-9][0-9].params")) or [
        path for path in [symbol.parent / f"{prefix}.params"] if path.is_file()
    ]
    if not weights:
        raise CheckpointError("CKP02", str(symbol), f"no {prefix}-0000.params beside it")
    graph, (values, _) = read_symbol(symbol), read_which(weights[-1], which)  # the newest epoch
    name = _input_of(graph, values, symbol)
    outputs = _classes(graph, values)
    classes = imagenet_classes() if outputs == len(imagenet_classes()) else ()
    channels = _channels(graph, values, name)
    return PortableModel(
        prefix, channels, _preprocessing(channels), classes, graph, values, name, (symbol, weights[-1])
    )


def _preprocessing(channels: int) -> Preprocessing:
    """ImageNet's, as most published networks have it; the files do not say."""
    if channels == COLOUR_CHANNELS:
        return IMAGENET
    mean, std = (sum(values) / len(values) for values in (IMAGENET.mean, IMAGENET.std))
    return replace(IMAGENET, mean=(mean,) * channels, std=(std,) * channels)


def _input_of(graph: SymbolGraph, values: Tensors, where: Path) -> str:
    """The one variable that has no value and is no label of a loss."""
    labels = {
        graph.nodes[source].name
        for node in graph.nodes
        if node.operator.endswith("Output")
        for source, _ in node.inputs[1:]
    }
    free = [name for name in graph.variables if name not in values and name not in labels]
    if len(free) != 1:
        what = f"{len(free)} variables have no values: {', '.join(free[:5])}" if free else "it has no input"
        raise CheckpointError("CKP06", str(where), what, "a network for images has one input")
    return free[0]


def _channels(graph: SymbolGraph, values: Tensors, name: str) -> int:
    """The channels of the images: those that the first convolution takes."""
    for node in graph.nodes:
        if node.operator == "Convolution":
            weight = values[graph.nodes[node.inputs[1][0]].name]
            return int(weight.shape[1]) * int(node.attributes.get("num_group", 1))
    return COLOUR_CHANNELS


def _classes(graph: SymbolGraph, values: Tensors) -> Optional[int]:
    """Outputs of the last layer that has weights."""
    for node in reversed(graph.nodes):
        if node.operator in ("FullyConnected", "Convolution"):
            return int(values[graph.nodes[node.inputs[1][0]].name].shape[0])
    return None


def _open_folder(folder: Path, which: Optional[Which]) -> PortableModel:
    if not (folder / GRAPH_FILE).is_file():
        return _with_mxnet(folder, which)
    facts = read_model_folder(folder)
    entry = models.entry(facts.model)
    names = tuple(facts.class_names or ())
    if not names and facts.classes == entry.classes == len(imagenet_classes()):
        names = imagenet_classes()
    graph, values = read_symbol(folder / GRAPH_FILE), read_weights(weights_in(folder, which)[0])
    name = _input_of(graph, values, folder)
    preprocessing = facts.preprocessing or entry.preprocessing
    return PortableModel(facts.model, entry.input_shape[0], preprocessing, names, graph, values, name)


def _open_run(target: Path, which: Optional[Which]) -> PortableModel:
    checkpoint = find_checkpoint(target.resolve())
    run = checkpoint.path.parent.parent
    if not (run / GRAPH_FILE).is_file():
        return _with_mxnet(target, which)
    config = load_run_config(run)
    graph = read_symbol(run / GRAPH_FILE)
    values = checkpoint.tensors(weights_in(checkpoint.path, which)[0].stem)
    data, name = config.data, _input_of(graph, values, run)
    preprocessing = Preprocessing(
        tuple(data.mean), tuple(data.std), data.resize, data.val_size, data.interpolation
    )
    names = names_in_checkpoint(checkpoint, data)
    return PortableModel(config.model.name, data.channels, preprocessing, names, graph, values, name)


def _with_mxnet(target: Path, which: Optional[Which]) -> PortableModel:
    try:
        from gluonlab.build.opened_model import open_model
        from gluonlab.weights.gluon_graph import INPUT, graph_of, values_of
    except SetupError:
        raise CheckpointError(
            "CKP48", str(target), "holds no graph of its network, and MXNet, which makes it, is not there"
        ) from None
    model = open_model(target, which)
    graph, values = graph_of(model.net), values_of(model.net)
    return PortableModel(
        model.name, model.channels, model.preprocessing, model.class_names, graph, values, INPUT
    )
