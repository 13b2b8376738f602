"""What a run trains, and the one place where forward and backward happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Optional, Protocol

from gluonlab.arrays.parameters import Parameter, parameters_of
from gluonlab.models.layers import BATCH_NORMS
from gluonlab.models.two_heads import BothHeads, TwoHeaded
from gluonlab.parallel.graph_randomness import seed_mxnet
from gluonlab.runtime.mxnet import autograd, gluon, mx
from gluonlab.task import Task

HeadGradient = Callable[[Any], Any]
"""From losses (n,) to what backward starts from."""


class Network(Protocol):
    """What computes ``net``; it keeps weights, gradients and running statistics in ``parameters``."""

    net: gluon.Block

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """By structural name, in the order of the layers."""

    def train(
        self, batch: Sequence[Any], task: Task, head_gradient: Optional[HeadGradient] = None
    ) -> tuple[Any, Any]:
        """Losses (n,) and outputs of ``task`` over ``batch``; does not wait.

        Leaves the gradient of the sum of the losses, or from ``head_gradient`` on, in that of each trained
        parameter, 0 in those that had no part in them, and advances running statistics.
        """

    def advance_statistics(self, images: Any) -> None:
        """Let ``images`` go through in training mode, for the sake of the running statistics alone."""

    def predict(self, images: Any) -> Any:
        """Logits of ``images`` in prediction mode."""

    def seed(self, number: int) -> None:
        """Make what the network draws next, as dropout does, a function of ``number``, below 2**31."""


class GluonNetwork:
    """``net`` computed by MXNet; ``in_training`` is the block that training runs, itself mostly."""

    def __init__(self, net: gluon.Block) -> None:
        self.net = net
        learns_apart = isinstance(net, TwoHeaded) and net.learns_apart
        self.in_training: gluon.Block = BothHeads(net) if learns_apart else net
        self._trained: Optional[list[Any]] = None

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Those of ``net``."""
        return parameters_of(self.net)

    def train(
        self, batch: Sequence[Any], task: Task, head_gradient: Optional[HeadGradient] = None
    ) -> tuple[Any, Any]:
        """Forward, loss, backward."""
        first, *others = batch
        left_out = self._may_be_left_out()
        for parameter in left_out:
            parameter.data()._fresh_grad = False
        with autograd.record():
            losses, outputs = task.losses(self.in_training, self._reached_by_backward(first), *others)
        losses.backward(head_gradient(losses) if head_gradient else None)
        for parameter in left_out:
            if not parameter.data()._fresh_grad:  # or the gradient of an earlier pass would count again
                parameter.grad()[:] = 0
                parameter.data()._fresh_grad = True
        return losses, outputs

    def advance_statistics(self, images: Any) -> None:
        """A forward and a backward pass: MXNet advances running statistics in backward on the CPU."""
        with autograd.record():
            outputs = self.net(self._reached_by_backward(images))
        outputs.backward()

    def predict(self, images: Any) -> Any:
        """A forward pass."""
        return self.net(images)

    def seed(self, number: int) -> None:
        """Of MXNet's generator on the device."""
        seed_mxnet(next(iter(self.net.collect_params().values())).list_ctx()[0], number)

    def _may_be_left_out(self) -> list[Any]:
        """Trained parameters that a pass may do without; none where one graph with all of them is run."""
        if self._trained is None:
            parameters = self.net.collect_params().values()
            trained = [parameter for parameter in parameters if parameter.grad_req != "null"]
            used = _used_in_graph(self.net)
            self._trained = [parameter for parameter in trained if parameter.name not in used]
        return self._trained

    @cached_property
    def _has_fixed_norm(self) -> bool:
        return any(map(_is_fixed_norm, _blocks(self.net)))

    def _reached_by_backward(self, images: Any) -> Any:
        """``images``, with a gradient if there is a norm that backward would not come by without."""
        if self._has_fixed_norm and images.context.device_type == "cpu":
            images.attach_grad()
        return images


def _used_in_graph(net: gluon.Block) -> set[str]:
    """Names of parameters in the graph of a hybridized ``net``; none if passes may run other layers."""
    if not (isinstance(net, gluon.HybridBlock) and net._active):
        return set()
    try:
        return set(net(mx.sym.var("images")).list_inputs())
    except Exception:  # several inputs, or outputs that are no single symbol
        return set()


def _blocks(block: gluon.Block) -> list[gluon.Block]:
    return [block, *(below for child in block._children.values() for below in _blocks(child))]


def _is_fixed_norm(block: gluon.Block) -> bool:
    """Whether ``block`` takes the statistics of its batch and trains nothing, so asks for no backward."""
    return (
        isinstance(block, BATCH_NORMS)
        and not block._kwargs["use_global_stats"]
        and block.gamma.grad_req == block.beta.grad_req == "null"
    )
