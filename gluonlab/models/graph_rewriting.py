"""Networks that run another graph than the one their layers make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gluonlab.runtime.mxnet import gluon

Shapes = Mapping[str, tuple[int, ...]]
Rewrite = Callable[[Any, Shapes], Any]
"""From a graph, and the first shapes of its inputs that are no parameters, to the graph that is run."""


def rewrite_graph(net: gluon.HybridBlock, rewrite: Rewrite) -> None:
    """Run ``rewrite`` of the graph of ``net``, from its next forward pass on; several rewrites add up.

    ``net`` must be the outermost block and be hybridized: what is run operator by operator, or as a part
    of another graph, stays as its layers say.
    """
    trace = net._get_graph

    def trace_and_rewrite(*inputs: Any) -> tuple[list[Any], Any]:
        if not net._cached_graph:  # empty at first, and again after each `hybridize`
            variables, graph = trace(*inputs)
            shapes = {variable.name: array.shape for variable, array in zip(variables, inputs)}
            net._cached_graph = variables, rewrite(graph, shapes)
        cached: tuple[list[Any], Any] = net._cached_graph
        return cached

    net._clear_cached_op()
    net._get_graph = trace_and_rewrite
