"""What all optimizers share: named state arrays, float32 masters, and the count of updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Optional

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays.in_mxnet import operator_number
from gluonlab.arrays.parameters import Parameter
from gluonlab.optim.rules import Parameters
from gluonlab.runtime.mxnet import mx

ALL_PARAMETERS = 1 << 30
MOMENTUM, VARIANCE, MASTER = "momentum", "variance", "master"


def needs_master(parameter: Parameter) -> bool:
    """Whether updates are made in a float32 copy of ``parameter``: it is float16."""
    return np.dtype(parameter.dtype).itemsize < 4


class Optimizer(mx.optimizer.Optimizer):
    """An update of all parameters of one type in one call, which does not wait for the device.

    A subclass says which float32 arrays it keeps of each parameter, ``state_names``, and defines
    ``_update``, which finds the first of them in ``buffers``. ``applied_lr`` is the rate of the last update
    and ``num_update`` the number of updates; a checkpoint has to keep both, and `numbers`. An update that a
    loss scaler leaves out does not count.
    """

    state_names: ClassVar[tuple[str, ...]] = (MOMENTUM,)

    def __init__(self, learning_rate: float, weight_decay: float) -> None:
        super().__init__(learning_rate=learning_rate, wd=weight_decay)
        self.aggregate_num = ALL_PARAMETERS  # how many of one type the trainer hands over at once
        self.applied_lr: Optional[float] = None
        self._update_number = 0

    def state_names_of(self, parameter: Parameter) -> tuple[str, ...]:
        """The arrays kept of ``parameter``, in their order; the last is its float32 copy if it needs one."""
        return (*self.state_names, MASTER) if needs_master(parameter) else self.state_names

    def state_shapes_of(self, parameter: Parameter) -> dict[str, tuple[int, ...]]:
        """The shape of each of `state_names_of`: that of the parameter, unless a subclass says otherwise."""
        return {name: tuple(parameter.shape) for name in self.state_names_of(parameter)}

    def create_state_multi_precision(self, index: int, weight: Any) -> tuple[Any, ...]:
        """Arrays of zeros, and a float32 copy of a weight that is not float32."""
        library, dtype = libraries.of(weight), "float64" if "float64" in str(weight.dtype) else "float32"
        return tuple(
            library.cast([weight], dtype)[0] if name == MASTER else library.zeros(shape, weight, dtype)
            for name, shape in self.state_shapes_of(self.param_dict.get(index, weight)).items()
        )

    def update_multi_precision(
        self, indices: Sequence[int], weights: Sequence[Any], gradients: Sequence[Any], states: Sequence[Any]
    ) -> None:
        """Update all parameters of one type in place, after counting the update."""
        self._begin_update(indices)
        parameter = self.param_dict.get(indices[0], weights[0])  # which a Trainer tells, and nobody else
        arrays = dict(zip(self.state_names_of(parameter), zip(*states)))
        masters, variances = arrays.get(MASTER, ()), arrays.get(VARIANCE, ())
        first = arrays[self.state_names[0]]
        self._update(indices, Parameters(weights, gradients, first, masters, variances))

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        raise NotImplementedError

    def _begin_update(self, indices: Sequence[int]) -> None:
        """Count the update; at the first call of each, note the change of the rate."""
        self._update_count(indices)
        if self.num_update == self._update_number:
            return
        self._update_number = self.num_update
        self._change_rate(self.applied_lr, self.lr)
        self.applied_lr = self.lr

    def _change_rate(self, old: Optional[float], new: float) -> None:
        """Prepare for an update at ``new`` after one at ``old``, None before the first."""

    def has_rate_in_momentum(self, parameter: Parameter) -> bool:
        """Whether the momentum of ``parameter`` is in units of its rate, and follows it."""
        return False

    def resume(self, num_update: int, applied_lr: Optional[float], num_parameters: int) -> None:
        """Continue as if ``num_update`` updates, the last at ``applied_lr``, had been made here."""
        self.begin_num_update = self.num_update = self._update_number = num_update
        self._index_update_count = dict.fromkeys(range(num_parameters), num_update)
        self._all_index_update_counts = {0: self._index_update_count}
        self.applied_lr = applied_lr

    def numbers(self) -> dict[str, float]:
        """What a checkpoint keeps of the optimizer beside arrays, rate and number of updates."""
        return {}

    def restore_numbers(self, numbers: Mapping[str, float]) -> None:
        """Continue from what `numbers` returned; empty before the first update."""

    def _get_lrs(self, indices: Sequence[int]) -> list[float]:
        return [operator_number(lr) for lr in super()._get_lrs(indices)]

    def _get_wds(self, indices: Sequence[int]) -> list[float]:
        return [operator_number(wd) for wd in super()._get_wds(indices)]
