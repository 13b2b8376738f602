"""A Gluon network trained by PyTorch in the memory of its own MXNet arrays.

PyTorch does forward and backward. Weights, gradients and running statistics stay the network's arrays, so
that all around them is what it always is: virtual workers, sums over processes, optimizers, averages,
checkpoints. On a CPU nothing is copied. For a GPU weights go there before a pass, and gradients and
statistics come back after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from typing import Any, Optional

import torch
from torch import Tensor

from gluonlab.arrays.parameters import Parameter, parameters_of
from gluonlab.errors import ConfigError
from gluonlab.runtime.mxnet import gluon, mx, nd
from gluonlab.torch_engine.network import channels_last, use_cpu_threads
from gluonlab.torch_engine.program import Program
from gluonlab.torch_engine.shared_memory import array_of, tensor_of
from gluonlab.weights.gluon_graph import INPUT, graph_of, structural
from gluonlab.weights.symbol_graph import parse_symbol

LOWER_PRECISION = {"bfloat16": torch.bfloat16, "float16": torch.float16}


Loss = Callable[..., Any]
"""From logits, labels and what else a batch has to losses (n,): of symbols, once."""
HeadGradient = Callable[[Any], Any]
"""From losses (n,), an array of MXNet, to what backward starts from."""


class TorchGluonNetwork:
    """``net``, initialised on the CPU, computed by PyTorch on ``device``.

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
        self.net, self._device = net, torch.device(device)
        self._autocast = LOWER_PRECISION.get(precision)
        self._is_compiled = is_compiled
        self._parameters = net._collect_params_with_prefix()
        self._trained = [name for name, one in self._parameters.items() if one.grad_req != "null"]
        self._prediction = Program(graph_of(net))
        self._predict = self._made(self._prediction.module(training=False))
        self._training: dict[tuple[int, int], _TrainingProgram] = {}
        self._host = {name: tensor_of(one.data()) for name, one in self._parameters.items()}
        self._host_gradients = {name: tensor_of(self._parameters[name].grad()) for name in self._trained}
        is_shared = self._device.type == "cpu"
        self._values = self._host if is_shared else {n: t.to(self._device) for n, t in self._host.items()}
        for name in self._trained:
            self._values[name].requires_grad_()

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Those of ``net``."""
        return parameters_of(self.net)

    def check(self, image: Sequence[int]) -> None:
        """Refuse images of the shape ``image`` if a layer cannot take them; raises `ConfigError` CFG81."""
        shapes = {name: tuple(value.shape) for name, value in self._values.items()}
        self._prediction.check({**shapes, INPUT: (2, *image)}, training=True)

    def train(
        self, batch: Sequence[Any], loss_fn: Loss, head_gradient: Optional[HeadGradient] = None
    ) -> tuple[Any, Any]:
        """Forward, loss, backward; the result is there when it returns."""
        program = self._training_program(loss_fn, len(batch))
        (losses, logits), statistics = self._run(program.program, program.module, program.inputs, batch)
        head = tensor_of(head_gradient(array_of(losses.cpu()))) if head_gradient else torch.ones_like(losses)
        gradients = torch.autograd.grad(
            losses,
            [self._values[name] for name in self._trained],
            head.to(self._device),
            allow_unused=True,
            materialize_grads=True,
        )
        self._leave_gradients(gradients)
        program.program.advance(self._host, statistics)
        return array_of(losses.cpu()), array_of(logits.float().cpu())

    def advance_statistics(self, images: Any) -> None:
        """A forward pass."""
        with torch.no_grad():
            _, statistics = self._run(self._prediction, self._module_in_training, [INPUT], [images])
        self._prediction.advance(self._host, statistics)

    def predict(self, images: Any) -> Any:
        """A forward pass."""
        with torch.no_grad():
            outputs, _ = self._run(self._prediction, self._predict, [INPUT], [images])
        return array_of(outputs[0].float().cpu())

    def seed(self, number: int) -> None:
        """Make what dropout draws next a function of ``number``, on all devices."""
        torch.manual_seed(number)

    def _made(self, module: Any) -> Any:
        return torch.compile(module, dynamic=False) if self._is_compiled else module

    @cached_property
    def _module_in_training(self) -> Any:
        return self._made(self._prediction.module(training=True))

    def _training_program(self, loss_fn: Loss, arrays: int) -> _TrainingProgram:
        key = (id(loss_fn), arrays)
        if key not in self._training:
            self._training[key] = program = _TrainingProgram(self.net, loss_fn, arrays)
            program.module = self._made(program.module)
        return self._training[key]

    def _run(self, program: Program, module: Any, inputs: Sequence[str], batch: Sequence[Any]) -> Any:
        nd.waitall()  # for the last update of the weights, and for whoever still reads the gradients
        if self._values is not self._host:
            with torch.no_grad():
                torch._foreach_copy_(list(self._values.values()), list(self._host.values()))
        given = dict(zip(inputs, map(self._input, batch)))
        with self._context():
            return module(*(given[name] if name in given else self._values[name] for name in program.order))

    def _input(self, array: Any) -> Tensor:
        return channels_last(tensor_of(array).to(self._device))

    def _context(self) -> AbstractContextManager[Any]:
        context = ExitStack()
        if self._device.type != "cpu":  # where arrays are made; on the CPU it would cost a millisecond a pass
            context.enter_context(self._device)
        if self._autocast:
            context.enter_context(torch.autocast(self._device.type, self._autocast))
        return context

    def _leave_gradients(self, gradients: Sequence[Tensor]) -> None:
        torch._foreach_copy_([self._host_gradients[name] for name in self._trained], list(gradients))
        for name in self._trained:
            self._parameters[name].data()._fresh_grad = True  # or Trainer takes it for left over


class _TrainingProgram:
    """A network and its loss as one function; ``inputs`` are its names of the arrays of a batch."""

    def __init__(self, net: gluon.HybridBlock, loss_fn: Loss, arrays: int) -> None:
        self._loss_fn = loss_fn  # kept, so that no other gets its id
        self.inputs = [INPUT, *(f"target{number}" for number in range(1, arrays))]
        logits = net(mx.sym.var(INPUT))
        try:
            losses = loss_fn(logits, *map(mx.sym.var, self.inputs[1:]))
        except Exception as error:  # whatever the user's own loss does with what is no array
            raise ConfigError("CFG81", "loss", f"cannot be traced: {str(error).splitlines()[0]}") from None
        graph = parse_symbol(structural(net, mx.sym.Group([losses, logits])), type(net).__name__)
        self.program = Program(graph)
        self.module: Any = self.program.module(training=True)
