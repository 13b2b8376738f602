"""A Gluon network as a graph and arrays, which say all of it without MXNet; both under structural names."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.errors import ConfigError
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.weights.model_folder import GRAPH_FILE, write_durably
from gluonlab.weights.symbol_graph import VARIABLE, SymbolGraph, parse_symbol

INPUT = "images"


def graph_text(net: gluon.HybridBlock) -> str:
    """The graph of ``net`` from `INPUT` to its outputs, as MXNet's JSON; parameters by structural names.

    Raises:
        ConfigError: CFG81 if ``net`` cannot be traced.
    """
    try:
        outputs = net(mx.sym.var(INPUT))
        return structural(net, mx.sym.Group(list(outputs)) if isinstance(outputs, (list, tuple)) else outputs)
    except Exception as error:  # whatever the user's own forward does with what is no array
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ConfigError("CFG81", type(net).__name__, f"cannot be traced: {what}") from None


def structural(net: gluon.Block, symbol: Any) -> str:
    """The JSON of ``symbol``, made of ``net``, with the parameters of ``net`` by their structural names."""
    names = {parameter.name: name for name, parameter in net._collect_params_with_prefix().items()}
    document = json.loads(symbol.tojson())
    for node in document["nodes"]:
        if node["op"] == VARIABLE:
            node["name"] = names.get(node["name"], node["name"])
    return json.dumps(document)


def graph_of(net: gluon.HybridBlock) -> SymbolGraph:
    """The graph of ``net``; raises as `graph_text`."""
    return parse_symbol(graph_text(net), type(net).__name__)


def write_graph(net: gluon.HybridBlock, folder: Path) -> None:
    """Put the graph of ``net`` into ``folder``, for whoever has no MXNet; what has no graph goes without."""
    try:
        text = graph_text(net)
    except ConfigError:
        return
    write_durably(folder / GRAPH_FILE, text.encode())


def block_of(symbol: Path, params: Path, input_name: str) -> gluon.SymbolBlock:
    """The network in files of MXNet as a block, on the CPU."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet wants to be told the type of the images
        return gluon.SymbolBlock.imports(str(symbol), [input_name], str(params))


def values_of(net: gluon.Block) -> Tensors:
    """Parameters and running statistics of ``net`` on the host."""
    return {name: p.data().asnumpy() for name, p in net._collect_params_with_prefix().items()}
