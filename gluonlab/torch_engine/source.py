"""A network as Python that needs PyTorch and safetensors alone: what leaves MXNet, and gluonlab, for good."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import Any

import torch
import torch.nn.functional as F
from torch import fx

from gluonlab import __version__
from gluonlab.torch_engine.program import Program
from gluonlab.weights.symbol_graph import SymbolGraph

_HEAD = '''"""{title}

    network = load("{weights}").train(False)
    outputs = network(images)  # float32 {shape}

Written by gluonlab {version}; it needs torch and safetensors. In training mode (``network.train()``) dropout
is on, and BatchNorm takes the statistics of its batch and advances the running ones as MXNet does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

'''

_SAID_BY_SHAPES = {"num_filter", "num_hidden", "num_args", "no_bias", "input_dim", "output_dim"}

_CLASS = '''class Network(nn.Module):
    """Parameters and running statistics under the names of the file with the weights."""

    def __init__(self) -> None:
        super().__init__()
        for name, shape in PARAMETERS.items():
            self._holder(name).register_parameter(name.rpartition(".")[2], nn.Parameter(torch.zeros(shape)))
        for name, shape in STATISTICS.items():
            self._holder(name).register_buffer(name.rpartition(".")[2], torch.zeros(shape))

    def _holder(self, name: str) -> nn.Module:
        module: nn.Module = self
        for part in name.split(".")[:-1]:
            if part not in dict(module.named_children()):
                module.add_module(part, nn.Module())
            module = module.get_submodule(part)
        return module

    @torch.no_grad()
    def _advance(self, mean: Tensor, variance: Tensor, batch: Any, momentum: float) -> Any:
        """The output of a BatchNorm, whose running statistics take up those of the batch in training."""
        if not isinstance(batch, tuple):
            return batch
        mean.lerp_(batch[1].detach(), 1 - momentum)
        variance.lerp_(batch[2].detach(), 1 - momentum)
        return batch[0]

    def forward(self, {inputs}) -> Any:
        p = dict([*self.named_parameters(), *self.named_buffers()])
{body}

def load(weights: str) -> Network:
    """The network with the weights of a safetensors file."""
    network = Network()
    network.load_state_dict(load_file(weights))
    return network
'''


def module_source(
    graph: SymbolGraph,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    title: str,
    weights: str,
    image: tuple[int, ...],
) -> str:
    """A Python file that computes ``graph``, whose parameters and statistics have these ``shapes``.

    ``title`` is its first line, ``weights`` the file that it is meant to be loaded with, ``image`` the shape
    of one input. Raises `ConfigError` CFG81 as `Program` does.
    """
    program = Program(graph)
    statistics = {name for norm in program.norms.values() for name in (norm.mean, norm.variance)}
    inputs = [name for name in program.variables.values() if name not in shapes]
    functions = dict[str, Callable[..., Any]]()
    lines = _body(program, set(shapes), functions)
    shape = f"(N, {', '.join(map(str, image))})"
    return "\n\n".join(
        [
            _HEAD.format(title=title, weights=weights, version=__version__, shape=shape).rstrip(),
            _table("PARAMETERS", {n: s for n, s in shapes.items() if n not in statistics}),
            _table("STATISTICS", {n: s for n, s in shapes.items() if n in statistics}),
            *(inspect.getsource(function).rstrip() for function in functions.values()),
            _CLASS.replace("{inputs}", ", ".join(f"{name}: Tensor" for name in inputs)).replace(
                "{body}\n", indent("\n".join(lines), " " * 8) + "\n\n"
            ),
        ]
    )


def _table(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    rows = [f"    {key!r}: {tuple(shape)!r},\n" for key, shape in shapes.items()]
    return f"{name}: dict[str, tuple[int, ...]] = {{\n{''.join(rows)}}}"


def _body(program: Program, stored: set[str], functions: dict[str, Callable[..., Any]]) -> list[str]:
    """The lines of ``forward``; what they call is added to ``functions``, each after those that it needs."""
    traced = program.module(training=False).graph
    names = {
        node: f"p[{node.meta['variable']!r}]" for node in traced.nodes if node.meta.get("variable") in stored
    }
    lines = []
    for node in traced.nodes:
        if node.op == "call_function":
            lines.append(f"{node.name} = {_call(node, names, program, functions)}")
        elif node.op == "output":
            outputs = [names.get(one, one.name) for one in node.args[0][0]]
            lines.append(f"return {outputs[0] if len(outputs) == 1 else ', '.join(outputs)}")
    return lines


def _call(
    node: fx.Node, names: Mapping[fx.Node, str], program: Program, functions: dict[str, Callable[..., Any]]
) -> str:
    arguments = [names.get(one, one.name) if isinstance(one, fx.Node) else repr(one) for one in node.args]
    if node.target is operator.getitem:
        return f"{arguments[0]}[{arguments[1]}]"
    keywords = [
        f"{key}=self.training" if key == "training" else f"{key}={value!r}"
        for key, value in node.kwargs.items()
        if key not in _SAID_BY_SHAPES and value != _default(node.target, key)
    ]
    call = f"{_name(node.target, functions)}({', '.join([*arguments, *keywords])})"
    norm = program.norms.get(node.meta["number"])
    return f"self._advance({arguments[3]}, {arguments[4]}, {call}, {norm.momentum})" if norm else call


def _default(function: Callable[..., Any], keyword: str) -> Any:
    return inspect.signature(function).parameters[keyword].default


def _name(function: Callable[..., Any], functions: dict[str, Callable[..., Any]]) -> str:
    """What ``function`` is called in the file."""
    for prefix, module in (("torch", torch), ("F", F)):
        if getattr(module, function.__name__, None) is function:
            return f"{prefix}.{function.__name__}"
    if function.__name__ not in functions:
        for used in function.__code__.co_names:  # methods of the same name are among them
            other = function.__globals__.get(used)
            if (
                other is not function
                and inspect.isfunction(other)
                and other.__module__ == function.__module__
            ):
                _name(other, functions)
        functions[function.__name__] = function
    return function.__name__
