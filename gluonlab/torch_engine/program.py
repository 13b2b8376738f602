"""A graph as a straight line of PyTorch calls, made with torch.fx: it can be read, printed and compiled."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx

from gluonlab.errors import ConfigError
from gluonlab.torch_engine.operators import Call, call_of
from gluonlab.weights.symbol_graph import Output, SymbolGraph

NORMS = ("BatchNorm", "_contrib_BatchNormWithReLU")


@dataclass(frozen=True)
class Norm:
    """A BatchNorm that takes statistics of its batch: its running ones by name, and MXNet's momentum."""

    mean: str
    variance: str
    momentum: float


class Program:
    """``graph`` ready to run: a function of its variables, once for prediction and once for training.

    Raises:
        ConfigError: CFG81 for an operator or attribute that PyTorch has nothing like.
    """

    def __init__(self, graph: SymbolGraph) -> None:
        self.graph = graph
        self.calls: dict[int, Call] = {}
        self.sources: dict[int, tuple[Output, ...]] = {}
        for number in _needed(graph):
            node = graph.nodes[number]
            if not node.is_variable:
                self.calls[number] = call_of(node)
                self.sources[number] = node.inputs[:1] if self.calls[number].is_loss else node.inputs
        read = {source for sources in self.sources.values() for source, _ in sources}
        read |= {source for source, _ in graph.heads}
        self.variables = {
            n: node.name for n, node in enumerate(graph.nodes) if node.is_variable and n in read
        }
        self.norms = {number: self._norm(number) for number in self.calls if self._is_norm(number)}

    def _is_norm(self, number: int) -> bool:
        node = self.graph.nodes[number]
        return node.operator in NORMS and not node.attributes.get("use_global_stats")

    def _norm(self, number: int) -> Norm:
        mean, variance = (self.graph.nodes[source].name for source, _ in self.sources[number][3:5])
        momentum = np.float32(self.calls[number].keywords.get("momentum", 0.9))  # as MXNet keeps it
        return Norm(mean, variance, float(momentum))

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Names of what `module` takes, in that order."""
        return tuple(self.variables.values())

    @cached_property
    def statistics(self) -> tuple[str, ...]:
        """Names of the running statistics, in the order in which `module` gives those of the batch."""
        return tuple(name for norm in self.norms.values() for name in (norm.mean, norm.variance))

    def advance(self, values: Mapping[str, Tensor], batch: Sequence[Tensor]) -> None:
        """``m * running + (1 - m) * batch`` in ``values``, in all norms, m being MXNet's momentum."""
        running = [values[name] for name in self.statistics]
        if not running:
            return
        keep = [norm.momentum for norm in self.norms.values() for _ in range(2)]
        with torch.no_grad():
            taken = [one.to(old.device, old.dtype) for one, old in zip(batch, running)]
            torch._foreach_mul_(running, keep)
            torch._foreach_add_(running, torch._foreach_mul(taken, [1 - one for one in keep]))

    def module(self, *, training: bool) -> fx.GraphModule:
        """A function of the variables, in the order of `variables`.

        It gives the outputs and, in training, mean and variance of the batch for each of `norms` in order.
        """
        graph, made, names = fx.Graph(), dict[int, Any](), set[str]()
        for number, name in self.variables.items():
            made[number] = graph.placeholder(_identifier(name, names))
            made[number].meta["variable"] = name
        statistics = []
        for number, call in self.calls.items():
            node = self.graph.nodes[number]
            inputs = tuple(_part(graph, made[source], output) for source, output in self.sources[number])
            keywords = {**call.keywords, **({"training": training} if call.takes_mode else {})}
            made[number] = graph.create_node(
                "call_function", call.function, inputs, keywords, name=_identifier(node.name, names)
            )
            made[number].meta.update(
                number=number, layer=f"{node.operator} {node.name}", outputs=call.outputs
            )
            if number in self.norms and training:
                parts = [graph.call_function(operator.getitem, (made[number], index)) for index in range(3)]
                made[number] = parts[0]
                statistics += parts[1:]
        outputs = [_part(graph, made[source], output) for source, output in self.graph.heads]
        graph.output((outputs, statistics))
        return fx.GraphModule(torch.nn.Module(), graph)

    def check(self, shapes: Mapping[str, tuple[int, ...]], *, training: bool = False) -> None:
        """Go through all calls without computing, for variables of these shapes.

        Raises:
            ConfigError: CFG81 for the first layer that PyTorch refuses.
        """
        tensors = [torch.empty(shapes[name], device="meta") for name in self.order]
        _Checked(self.module(training=training)).run(*tensors)


class _Checked(fx.Interpreter):
    """Says which layer it was that could not be computed."""

    def run_node(self, n: fx.Node) -> Any:
        try:
            return super().run_node(n)
        except Exception as error:
            layer = n.meta.get("layer", n.name)
            raise ConfigError(
                "CFG81", layer, f"cannot be computed by PyTorch: {str(error).splitlines()[0]}"
            ) from None


def _needed(graph: SymbolGraph) -> list[int]:
    """Numbers of the nodes that the outputs depend on, in order."""
    needed, left = set[int](), [source for source, _ in graph.heads]
    while left:
        number = left.pop()
        if number not in needed:
            needed.add(number)
            left += [source for source, _ in graph.nodes[number].inputs]
    return sorted(needed)


def _part(graph: fx.Graph, value: fx.Node, output: int) -> fx.Node:
    """Output ``output`` of a call; a call of one output is that output."""
    has_several = value.op == "call_function" and value.meta.get("outputs", 1) > 1
    return graph.call_function(operator.getitem, (value, output)) if has_several else value


def _identifier(name: str, taken: set[str]) -> str:
    """``name`` as a name of Python that no other node has."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    plain = plain if re.match(r"[A-Za-z_]", plain) else f"v_{plain}"
    found, count = plain, 1
    while found in taken:
        count += 1
        found = f"{plain}_{count}"
    taken.add(found)
    return found
