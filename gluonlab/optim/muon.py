"""Muon: the direction of a layer's momentum without its size, every singular value of it being the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, Optional

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Parameter
from gluonlab.optim.base import MASTER, MOMENTUM, Optimizer
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.newton_schulz import orthogonalised
from gluonlab.optim.norms import SquaredNorms
from gluonlab.optim.rules import Parameters
from gluonlab.optim.sides import as_matrix

NORM_EPS = 1e-7
ShapeFactor = Literal["none", "aspect", "rms"]


class Muon(Optimizer):
    """``m = momentum * m + g; w -= lr * factor * O(g + momentum * m)`` (Jordan et al. 2024).

    O makes all singular values of a matrix nearly 1, by ``steps`` of Newton and Schulz; a filter tensor
    (out, in, height, width) is the matrix (out, in * height * width). ``shape_factor`` is of that matrix,
    too: ``aspect`` is ``sqrt(max(1, rows / columns))`` as in the authors' library, ``rms``
    ``0.2 sqrt(max(rows, columns))``, with which AdamW's rates fit (Liu et al. arXiv:2502.16982).
    With ``normalizes`` the weight is first brought to the norm ``sqrt(out)``, as in the CIFAR-10 speedrun,
    and does not decay; else the decay is decoupled: ``w -= lr * wd * w``.

    ``matrices`` are the names of the parameters that take it, by default all of two dimensions or more.
    ``rest`` updates the others, at ``rest_lr_ratio`` times the rate. Each process computes all of it.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        rest: Optimizer,
        *,
        rest_lr_ratio: float = 1.0,
        matrices: Optional[frozenset[str]] = None,
        steps: int = 5,
        shape_factor: ShapeFactor = "aspect",
        normalizes: bool = False,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.momentum = momentum
        self.rest = rest
        self.rest_lr_ratio = rest_lr_ratio
        self.matrices = matrices
        self.steps = steps
        self.shape_factor = shape_factor
        self.normalizes = normalizes
        self._directions: dict[int, Any] = {}  # kept, so that their norms are those of the same arrays
        self._weight_norms, self._direction_norms = SquaredNorms(), SquaredNorms()

    def is_matrix(self, parameter: Parameter) -> bool:
        """Whether ``parameter`` is updated by Muon, not by ``rest``."""
        if self.matrices is None:
            return len(parameter.shape) > 1
        return parameter.name in self.matrices

    def state_names_of(self, parameter: Parameter) -> tuple[str, ...]:
        """The arrays of Muon, or of ``rest`` for a parameter that ``rest`` updates."""
        if self.is_matrix(parameter):
            return super().state_names_of(parameter)
        return self.rest.state_names_of(parameter)

    def has_rate_in_momentum(self, parameter: Parameter) -> bool:
        """False for Muon's matrices; what ``rest`` says of the parameters that it updates."""
        return not self.is_matrix(parameter) and self.rest.has_rate_in_momentum(parameter)

    def update_multi_precision(
        self, indices: Sequence[int], weights: Sequence[Any], gradients: Sequence[Any], states: Sequence[Any]
    ) -> None:
        """Update all parameters of one type in place, after counting the update."""
        self._begin_update(indices)
        arrays = list(zip(indices, weights, gradients, states))
        matrices = [one for one in arrays if self.is_matrix(self.param_dict[one[0]])]
        others = [one for one in arrays if not self.is_matrix(self.param_dict[one[0]])]
        if matrices:
            chosen, weights, gradients, states = zip(*matrices)
            names = self.state_names_of(self.param_dict[chosen[0]])
            of_name = dict(zip(names, zip(*states)))
            self._update(chosen, Parameters(weights, gradients, of_name[MOMENTUM], of_name.get(MASTER, ())))
        if others:
            self.rest.param_dict = self.param_dict
            self.rest.rescale_grad = self.rescale_grad
            self.rest.set_learning_rate(self.lr * self.rest_lr_ratio)
            self.rest.update_multi_precision(*zip(*others))

    def resume(self, num_update: int, applied_lr: Optional[float], num_parameters: int) -> None:
        """Continue as if ``num_update`` updates, the last at ``applied_lr``, had been made here."""
        super().resume(num_update, applied_lr, num_parameters)
        of_rest = None if applied_lr is None else applied_lr * self.rest_lr_ratio
        self.rest.resume(num_update, of_rest, num_parameters)

    def _update(self, indices: Sequence[int], parameters: Parameters) -> None:
        weights, gradients = parameters.in_float32()
        library, kernels = libraries.of(weights[0]), kernels_of(weights[0])
        directions = self._move_on(indices, gradients, parameters.buffers)
        library.scale_on_device(directions, 1 / (self._direction_norms(directions).sqrt() + NORM_EPS))
        lrs, wds = self._get_lrs(indices), self._get_wds(indices)
        if self.normalizes:
            self._normalize(weights)
        else:
            kernels.subtract(weights, weights, [lr * wd for lr, wd in zip(lrs, wds)])
        for weight, direction, lr in zip(weights, directions, lrs):
            matrix = as_matrix(direction)
            step = orthogonalised(matrix, self.steps).reshape(weight.shape)
            kernels.subtract([weight], [step], [lr * factor_of(matrix.shape, self.shape_factor)])
        parameters.copy_masters_to_weights()

    def _move_on(self, indices: Sequence[int], gradients: Sequence[Any], buffers: Sequence[Any]) -> list[Any]:
        """Take the gradients into the buffers; returns Nesterov's directions."""
        library, kernels = libraries.of(gradients[0]), kernels_of(gradients[0])
        for index, gradient in zip(indices, gradients):
            if index not in self._directions:
                self._directions[index] = library.empty_like(gradient)
        directions, rates = [self._directions[i] for i in indices], [-self.rescale_grad] * len(gradients)
        library.scaled(buffers, self.momentum, out=buffers)
        kernels.subtract(buffers, gradients, rates)
        library.scaled(buffers, self.momentum, out=directions)
        kernels.subtract(directions, gradients, rates)
        return directions

    def _normalize(self, weights: Sequence[Any]) -> None:
        norms, library = self._weight_norms(weights).sqrt(), libraries.of(weights[0])
        roots = library.from_numpy([math.sqrt(weight.shape[0]) for weight in weights], norms)
        one = library.full_like(norms, 1.0)
        library.scale_on_device(weights, library.where(norms > 0, roots / norms, one))


def factor_of(shape: tuple[int, int], kind: ShapeFactor) -> float:
    """What the rate of a matrix (rows, columns) is multiplied by."""
    rows, columns = shape
    if kind == "none":
        return 1.0
    return math.sqrt(max(1.0, rows / columns)) if kind == "aspect" else 0.2 * math.sqrt(max(rows, columns))
