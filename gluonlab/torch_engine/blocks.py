"""Gluon blocks without parameters, as losses and counts are, on PyTorch's tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import torch

from gluonlab.errors import ConfigError
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.torch_engine.program import Program
from gluonlab.weights.gluon_graph import structural
from gluonlab.weights.symbol_graph import parse_symbol

_TRACED: WeakKeyDictionary[Any, dict[int, Callable[..., Any]]] = WeakKeyDictionary()


def traced(block: gluon.HybridBlock, inputs: int) -> Callable[..., Any]:
    """What ``block`` computes from so many tensors, without gradients; traced at the first call.

    Raises:
        ConfigError: CFG81 it cannot be traced, or PyTorch has nothing like one of its operators.
    """
    known = _TRACED.setdefault(block, {})
    if inputs not in known:
        known[inputs] = _trace(block, inputs)
    return known[inputs]


def _trace(block: gluon.HybridBlock, inputs: int) -> Callable[..., Any]:
    names = [f"input{number}" for number in range(inputs)]
    try:
        outputs = block(*map(mx.sym.var, names))
    except Exception as error:  # whatever a user's own loss does with what is no array
        what = f"cannot be traced: {str(error).splitlines()[0]}"
        raise ConfigError("CFG81", type(block).__name__, what) from None
    program = Program(parse_symbol(structural(block, outputs), type(block).__name__))
    module, places = program.module(training=False), [names.index(name) for name in program.order]

    def compute(*arrays: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = module(*(arrays[place] for place in places))[0][0]
        return found

    return compute
