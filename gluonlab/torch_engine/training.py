"""A Gluon network trained by PyTorch: its values, gradients and statistics are tensors on the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property, partial
from typing import Any, Optional

import torch
from torch import Tensor

from gluonlab.errors import ConfigError
from gluonlab.models.two_heads import outputs_in_training
from gluonlab.runtime.mxnet import gluon, mx
from gluonlab.task import Task
from gluonlab.torch_engine.network import channels_last, use_cpu_threads
from gluonlab.torch_engine.program import Program
from gluonlab.weights.gluon_graph import INPUT, graph_of, structural
from gluonlab.weights.symbol_graph import parse_symbol

LOWER_PRECISION = {"bfloat16": torch.bfloat16, "float16": torch.float16}


HeadGradient = Callable[[Tensor], Tensor]
"""From losses (n,) to what backward starts from."""


class TorchParameter:
    """A parameter or running statistic of a Gluon network as a tensor: ``leaf`` is what the network reads."""

    def __init__(self, parameter: gluon.Parameter, device: torch.device) -> None:
        self.name, self.shape, self.dtype = parameter.name, tuple(parameter.shape), parameter.dtype
        self.grad_req, self.lr_mult, self.wd_mult = parameter.grad_req, parameter.lr_mult, parameter.wd_mult
        # A copy, in the host's memory as well: MXNet may put its own array into another order.
        self.leaf = torch.from_numpy(parameter.data().asnumpy()).to(device, copy=True)
        self._data = self.leaf.detach()
        self._grad = torch.zeros_like(self._data) if self.grad_req != "null" else None
        self.leaf.requires_grad_(self._grad is not None)

    def data(self) -> Tensor:
        """Its values, in C order."""
        return self._data

    def grad(self) -> Tensor:
        """Its gradient, of one that is trained."""
        assert self._grad is not None, f"{self.name} is not trained"
        return self._grad


class TorchGluonNetwork:
    """``net``, initialised on the CPU, as PyTorch computes it on ``device``; its own arrays stay behind.

    Weights are float32; in a ``precision`` of `LOWER_PRECISION`, PyTorch computes in that type what it holds
    to be safe in it. ``is_compiled``: by torch.compile, at the first batch of each shape. On a CPU it uses as
    many threads as OMP_NUM_THREADS says.

    Raises:
        ConfigError: CFG81 ``net`` cannot be traced, or PyTorch has nothing like one of its operators.
    """

    def __init__(
        self,
        net: gluon.HybridBlock,
        *,
        device: str = "cpu",
        precision: str = "float32",
        is_compiled: bool = False,
    ) -> None:
        use_cpu_threads()
        for part in (torch.backends.cudnn, torch.backends.cuda.matmul):
            part.allow_tf32 = precision == "tf32"  # else float32 is float32, as with MXNet
        self.net, self.device = net, torch.device(device)
        self._autocast = LOWER_PRECISION.get(precision)
        self._is_compiled = is_compiled
        self._prediction = Program(graph_of(net))
        self._predict = self._made(self._prediction.module(training=False))
        self._training: dict[tuple[int, int], _TrainingProgram] = {}
        of_net = net._collect_params_with_prefix()
        self.parameters = {name: TorchParameter(one, self.device) for name, one in of_net.items()}
        self._leaves = {name: one.leaf for name, one in self.parameters.items()}
        self._values = {name: one.data() for name, one in self.parameters.items()}
        trained = [one for one in self.parameters.values() if one.grad_req != "null"]
        self._trained, self._gradients = [one.leaf for one in trained], [one.grad() for one in trained]

    def check(self, image: Sequence[int]) -> None:
        """Refuse images of the shape ``image`` if a layer cannot take them; raises `ConfigError` CFG81."""
        shapes = {name: tuple(value.shape) for name, value in self._values.items()}
        self._prediction.check({**shapes, INPUT: (2, *image)}, training=True)

    def train(
        self, batch: Sequence[Any], task: Task, head_gradient: Optional[HeadGradient] = None
    ) -> tuple[Any, Any]:
        """Forward, loss, backward."""
        program = self._training_program(task, len(batch))
        (losses, outputs), statistics = self._run(program.program, program.module, program.inputs, batch)
        head = head_gradient(losses.detach()) if head_gradient else torch.ones_like(losses)
        gradients = torch.autograd.grad(
            losses, self._trained, head, allow_unused=True, materialize_grads=True
        )
        torch._foreach_copy_(self._gradients, list(gradients))
        program.program.advance(self._values, statistics)
        return losses.detach(), outputs.detach().float()

    def advance_statistics(self, images: Any) -> None:
        """A forward pass."""
        with torch.no_grad():
            _, statistics = self._run(self._prediction, self._module_in_training, [INPUT], [images])
        self._prediction.advance(self._values, statistics)

    def predict(self, images: Any) -> Any:
        """A forward pass."""
        with torch.no_grad():
            outputs, _ = self._run(self._prediction, self._predict, [INPUT], [images])
        return outputs[0].float()

    def seed(self, number: int) -> None:
        """Make what dropout draws next a function of ``number``, on all devices."""
        torch.manual_seed(number)

    def _made(self, module: Any) -> Any:
        return torch.compile(module, dynamic=False) if self._is_compiled else module

    @cached_property
    def _module_in_training(self) -> Any:
        return self._made(self._prediction.module(training=True))

    def _training_program(self, task: Task, arrays: int) -> _TrainingProgram:
        key = (id(task), arrays)
        if key not in self._training:
            self._training[key] = program = _TrainingProgram(self.net, task, arrays)
            program.module = self._made(program.module)
        return self._training[key]

    def _run(self, program: Program, module: Any, inputs: Sequence[str], batch: Sequence[Any]) -> Any:
        given = dict(zip(inputs, map(channels_last, batch)))
        with self._context():
            return module(*(given[name] if name in given else self._leaves[name] for name in program.order))

    def _context(self) -> AbstractContextManager[Any]:
        context = ExitStack()
        if self.device.type != "cpu":  # where arrays are made; on the CPU it would cost a millisecond a pass
            context.enter_context(self.device)
        if self._autocast:
            context.enter_context(torch.autocast(self.device.type, self._autocast))
        return context


class _TrainingProgram:
    """A network and its task as one function; ``inputs`` are its names of the arrays of a batch."""

    def __init__(self, net: gluon.HybridBlock, task: Task, arrays: int) -> None:
        self._task = task  # kept, so that no other gets its id
        self.inputs = [INPUT, *(f"target{number}" for number in range(1, arrays))]
        try:
            losses, outputs = task.losses(partial(outputs_in_training, net), *map(mx.sym.var, self.inputs))
        except Exception as error:  # whatever the user's own loss does with what is no array
            raise ConfigError("CFG81", "loss", f"cannot be traced: {str(error).splitlines()[0]}") from None
        graph = parse_symbol(structural(net, mx.sym.Group([losses, outputs])), type(net).__name__)
        self.program = Program(graph)
        self.module: Any = self.program.module(training=True)
