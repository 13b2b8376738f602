"""A graph with its values on a device of PyTorch: predicting, and one training pass."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gluonlab.checkpoint.tensors import first_five
from gluonlab.errors import CheckpointError
from gluonlab.torch_engine.program import Program
from gluonlab.weights.symbol_graph import SymbolGraph


def use_cpu_threads() -> None:
    """As many threads of PyTorch on the CPU as OMP_NUM_THREADS says."""
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal():
        torch.set_num_threads(int(threads))


def channels_last(value: Tensor) -> Tensor:
    """``value``, in the memory format of that name if it is images or filters."""
    return value.contiguous(memory_format=torch.channels_last) if value.ndim == 4 else value


class TorchNetwork:
    """``graph`` with ``values`` for all its variables but ``inputs``, computed by PyTorch.

    ``trained`` are the names that `train` gives gradients of. Floating-point values take the type ``dtype``,
    images and filters the memory format channels-last.

    Raises:
        ConfigError: CFG81 an operator is not known, or refuses the shapes.
        CheckpointError: CKP06 a variable has no value.
    """

    def __init__(
        self,
        graph: SymbolGraph,
        values: Mapping[str, NDArray[Any]],
        *,
        inputs: Sequence[str],
        trained: Sequence[str] = (),
        device: str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.program = Program(graph)
        self.inputs, self.device, self.dtype = tuple(inputs), torch.device(device), dtype
        missing = [n for n in self.program.order if n not in values and n not in self.inputs]
        if missing:
            raise CheckpointError(
                "CKP06", "graph", f"{len(missing)} variables have no value: {first_five(missing)}"
            )
        names = [name for name in self.program.order if name in values]
        self.values = {name: self.tensor(values[name]) for name in names}
        self.trained = [name for name in trained if name in self.values]
        for name in self.trained:
            self.values[name].requires_grad_()
        self._predict = self.program.module(training=False)
        self._train = self.program.module(training=True) if self.trained else None

    def tensor(self, array: NDArray[Any]) -> Tensor:
        """``array`` on the device, in the type and memory format of the network."""
        value = torch.tensor(np.ascontiguousarray(array), device=self.device)
        value = value.to(self.dtype) if value.is_floating_point() else value
        return channels_last(value)

    def check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse inputs of these shapes if a layer cannot take them; raises `ConfigError` CFG81."""
        known = {name: tuple(value.shape) for name, value in self.values.items()}
        self.program.check({**known, **shapes}, training=self._train is not None)

    def predict(self, *arrays: NDArray[Any]) -> list[NDArray[Any]]:
        """The outputs for ``arrays``, one for each of the inputs; waits for them."""
        with torch.no_grad():
            outputs, _ = self._call(self._predict, arrays)
        return [output.cpu().numpy() for output in outputs]

    def train(self, arrays: Sequence[NDArray[Any]], heads: Sequence[NDArray[Any]]) -> TrainPass:
        """Forward and backward in training mode, ``heads`` being the gradients of the outputs."""
        assert self._train is not None, "nothing is trained"
        outputs, statistics = self._call(self._train, arrays)
        gradients = torch.autograd.grad(
            outputs,
            [self.values[name] for name in self.trained],
            [self.tensor(head) for head in heads],
            allow_unused=True,
            materialize_grads=True,
        )
        return TrainPass(
            [output.detach() for output in outputs],
            dict(zip(self.trained, gradients)),
            {name: value.detach() for name, value in zip(self.program.statistics, statistics)},
        )

    def advance(self, batch: Mapping[str, Tensor]) -> None:
        """Running statistics take up those of a batch, by name."""
        self.program.advance(self.values, [batch[name] for name in self.program.statistics])

    def _call(self, module: Any, arrays: Sequence[NDArray[Any]]) -> tuple[list[Tensor], list[Tensor]]:
        given = {name: self.tensor(array) for name, array in zip(self.inputs, arrays)}
        with self.device if self.device.type != "cpu" else nullcontext():
            outputs, statistics = module(*(given.get(n, self.values.get(n)) for n in self.program.order))
        return list(outputs), list(statistics)


class TrainPass:
    """Outputs, gradients by name, and statistics of the batch by the names of the running ones."""

    def __init__(
        self, outputs: list[Tensor], gradients: dict[str, Tensor], statistics: dict[str, Tensor]
    ) -> None:
        self.outputs, self.gradients, self.statistics = outputs, gradients, statistics
