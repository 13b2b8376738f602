"""Random numbers inside the network, as dropout draws: the same for a virtual worker on any process."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from gluonlab.data.randomness import uniforms
from gluonlab.runtime.mxnet import gluon, mx

_RANDOM_OPERATORS = re.compile(
    r"Dropout|random|sample|shuffle|multinomial|bernoulli|LeakyReLU", re.IGNORECASE
)


def draws_random_numbers(net: gluon.Block) -> bool:
    """Whether training ``net`` may draw random numbers; a net that cannot be traced may."""
    if not isinstance(net, gluon.HybridBlock):
        return True
    try:
        graph = json.loads(net(mx.sym.var("data")).tojson())
    except Exception:  # several inputs, or outputs that are no single symbol
        return True
    return any(_RANDOM_OPERATORS.search(node["op"]) for node in graph["nodes"])


def seed_of(seed: int, step: int, worker: int) -> int:
    """What a network is seeded with for the pass of a virtual worker, below 2**31."""
    return int(uniforms(seed, np.array([step]), np.array([worker]), 1)[0, 0] * 2**31)


def seed_mxnet(ctx: Any, number: int) -> None:
    """Make what MXNet draws next on ``ctx`` a function of ``number``.

    Takes about a millisecond on the CPU, so it is left out for networks that draw nothing.
    """
    mx.random.seed(number, ctx=ctx)
