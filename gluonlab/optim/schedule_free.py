"""Schedule-Free optimizers: an average of the weights takes the place of a rate that falls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, parameters_of
from gluonlab.optim.averaging import StochasticWeightAverage
from gluonlab.optim.base import VARIANCE, Optimizer
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.rules import AdamRule, Parameters

BASE = "z"


class ScheduleFree(Optimizer):
    """``z -= lr * d; x = (1 - c) * x + c * z; y = (1 - beta) * z + beta * x`` (Defazio et al. 2024).

    Gradients are taken at y, which is what the network holds while it trains; x is what is to be evaluated,
    see `ScheduleFreeAverage`. ``c`` is the share of the largest rate so far, squared, in the sum of those of
    all updates. The rate is raised at first and then stays. A subclass says what d is.
    """

    state_names: ClassVar[tuple[str, ...]] = (BASE,)

    def __init__(self, learning_rate: float, weight_decay: float, *, beta: float = 0.9) -> None:
        super().__init__(learning_rate, weight_decay)
        self.beta = beta
        self.averages: dict[str, Any] = {}  # x by name of the parameter, where somebody wants it
        self._largest_lr = self._sum_of_squares = self._share = 0.0

    def create_state_multi_precision(self, index: int, weight: Any) -> tuple[Any, ...]:
        """The base z begins at the weight, other arrays at 0."""
        states = super().create_state_multi_precision(index, weight)
        libraries.of(weight).copy([weight], [states[0]])
        return states

    def numbers(self) -> dict[str, float]:
        """The largest rate so far, and the sum of its squares over the updates."""
        return {"largest_lr": self._largest_lr, "sum_of_squares": self._sum_of_squares}

    def restore_numbers(self, numbers: Mapping[str, float]) -> None:
        """Continue from what `numbers` returned; empty before the first update."""
        self._largest_lr = numbers.get("largest_lr", 0.0)
        self._sum_of_squares = numbers.get("sum_of_squares", 0.0)

    def _change_rate(self, old: object, new: float) -> None:
        self._largest_lr = max(self._largest_lr, new)
        square = self._largest_lr**2
        self._sum_of_squares += square
        self._share = square / self._sum_of_squares if self._sum_of_squares else 0.0

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        weights, gradients = parameters.in_float32()
        directions = self._directions(weights, gradients, parameters.variances, self._get_wds(indices))
        c, beta, lrs, bases = self._share, self.beta, self._get_lrs(indices), parameters.buffers
        library, kernels = libraries.of(weights[0]), kernels_of(weights[0])
        library.move_towards(weights, bases, c)  # x and y have no arrays both: y moves as x would have it
        kernels.subtract(weights, directions, [lr * (1 - beta * (1 - c)) for lr in lrs])
        kernels.subtract(bases, directions, lrs)
        for index, weight, z in zip(indices, weights, bases):
            average = self.averages.get(self.param_dict[index].name)
            if average is not None:
                library.add([weight / beta], [z * (1 - 1 / beta)], [average])
        parameters.copy_masters_to_weights()

    def _directions(
        self, weights: Sequence[Any], gradients: Sequence[Any], variances: Sequence[Any], wds: Sequence[float]
    ) -> Sequence[Any]:
        """The d of each parameter, in new arrays; y is in ``weights``."""
        raise NotImplementedError


class ScheduleFreeSGD(ScheduleFree):
    """``d = g + wd * y``; its rate is 10 to 50 times that of SGD with momentum, as the authors say."""

    def _directions(
        self, weights: Sequence[Any], gradients: Sequence[Any], variances: Sequence[Any], wds: Sequence[float]
    ) -> Sequence[Any]:
        directions = libraries.of(weights[0]).scaled(gradients, self.rescale_grad)
        kernels_of(weights[0]).subtract(directions, weights, [-wd for wd in wds])
        return directions


class ScheduleFreeAdamW(ScheduleFree):
    """``d = g / (sqrt(v) + eps) + wd * y``; v is the mean of ``g**2`` by beta2, corrected for its start."""

    state_names = (BASE, VARIANCE)

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float,
        *,
        beta: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate, weight_decay, beta=beta)
        self.beta2 = beta2
        self.eps = eps

    def _directions(
        self, weights: Sequence[Any], gradients: Sequence[Any], variances: Sequence[Any], wds: Sequence[float]
    ) -> Sequence[Any]:
        # With beta1 = 0 Adam's mean is the gradient itself.
        rule = AdamRule(0.0, self.beta2, self.eps, self.rescale_grad, self.num_update, bias_correction=True)
        library = libraries.of(weights[0])
        directions, means = library.scaled(weights, wds), library.zeros_like(gradients)
        steps = [-1.0] * len(directions)
        kernels_of(weights[0]).adam_step(directions, gradients, means, variances, rule, steps)
        return directions


class ScheduleFreeAverage(StochasticWeightAverage):
    """The x of ``optimizer`` for the trained parameters of ``net``, always up to date.

    Running statistics of y are not those of x: they have to be computed anew before x is evaluated. ``count``
    is that of the updates before this was last done.
    """

    def __init__(self, net: Net, optimizer: ScheduleFree) -> None:
        super().__init__(net)
        self._optimizer = optimizer
        parameters = parameters_of(net)
        optimizer.averages = {
            parameters[name].name: average
            for name, average in self.averages.items()
            if parameters[name].grad_req != "null"
        }

    def lacks(self, passed: Sequence[int]) -> bool:
        """Whether the statistics are older than the last of the updates ``passed``, which ascend."""
        return bool(passed) and self.count < passed[-1]

    def take_in(self) -> None:
        """Note the number of updates; the average itself is computed by the update."""
        self.count = self._optimizer.num_update
