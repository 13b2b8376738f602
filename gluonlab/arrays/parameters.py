"""What a network is trained in: its parameters by name, whatever library computes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Union

from gluonlab.runtime.mxnet import gluon


class Parameter(Protocol):
    """A parameter or running statistic: what `gluon.Parameter` and that of another library have in common.

    ``grad_req`` is "null" if it is not trained. ``dtype`` is NumPy's.
    """

    name: str
    shape: tuple[int, ...]
    dtype: Any
    grad_req: str
    lr_mult: float
    wd_mult: float

    def data(self) -> Any:
        """Its values; always the same array."""

    def grad(self) -> Any:
        """The gradient; always the same array."""


class Trained(Protocol):
    """What computes ``net`` with parameters of its own, by structural name."""

    net: gluon.Block

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """In the order of its layers."""


Net = Union[gluon.Block, Trained]
"""A Gluon network, initialised with known shapes, or what computes one."""


def parameters_of(net: Net) -> dict[str, Parameter]:
    """By structural name, in the order of the layers."""
    if isinstance(net, gluon.Block):
        found: dict[str, Parameter] = net._collect_params_with_prefix()
        return found
    return dict(net.parameters)


def block_of(net: Net) -> gluon.Block:
    """The Gluon network itself."""
    return net if isinstance(net, gluon.Block) else net.net


def trained_parameters_of(net: Net) -> dict[str, Parameter]:
    """By structural name, sorted, so that an index means the same parameter on every process."""
    parameters = parameters_of(net)
    return {name: parameters[name] for name in sorted(parameters) if parameters[name].grad_req != "null"}
