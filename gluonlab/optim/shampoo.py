"""Shampoo: gradients are multiplied by roots of what rows and columns of them have had in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Parameter
from gluonlab.optim.base import MASTER, MOMENTUM, Optimizer, needs_master
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.norms import SquaredNorms
from gluonlab.optim.rules import in_update_type
from gluonlab.optim.sides import SIDES, as_matrix, sides_of


class Shampoo(Optimizer):
    """``m = momentum * m + |g| / |d| * d; w -= lr * (m + wd * w)`` with ``d = L^-p g R^-p``
    (Gupta et al. 2018, with the step's size grafted from SGD as Anil et al. arXiv:2002.09018 do).

    L and R are the running means by beta2 of ``g g^T`` and ``g^T g``, corrected for their start; g is a
    matrix, filters one of (out, in * height * width). p is 1/4, or 1/2 where one side is longer than
    ``max_side`` and is left alone; parameters with neither side are updated along g. ``damping`` times the
    largest eigenvalue is added to all of them. Every ``precondition_every`` updates, from the first on, the
    roots are computed anew, by NumPy on the host: such an update waits for the device. The others do not.
    Each process computes all of it.
    """

    def __init__(
        self,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        *,
        beta2: float = 0.999,
        damping: float = 1e-4,
        precondition_every: int = 10,
        max_side: int = 1024,
    ) -> None:
        super().__init__(learning_rate, weight_decay)
        self.momentum = momentum
        self.beta2 = beta2
        self.damping = damping
        self.precondition_every = precondition_every
        self.max_side = max_side
        self._directions: dict[int, Any] = {}  # kept, so that their norms are those of the same arrays
        self._gradient_norms, self._direction_norms = SquaredNorms(), SquaredNorms()

    def state_names_of(self, parameter: Parameter) -> tuple[str, ...]:
        """Momentum, then the mean and the root of each side that has them, and a float32 copy."""
        return tuple(self.state_shapes_of(parameter))

    def state_shapes_of(self, parameter: Parameter) -> dict[str, tuple[int, ...]]:
        """The shape of each of `state_names_of`; the matrices of the sides are square."""
        shapes: dict[str, tuple[int, ...]] = {MOMENTUM: tuple(parameter.shape)}
        for side, length in sides_of(parameter.shape, self.max_side).items():
            shapes.update({side: (length, length), f"{side}_root": (length, length)})
        if needs_master(parameter):
            shapes[MASTER] = tuple(parameter.shape)
        return shapes

    def update_multi_precision(
        self, indices: Sequence[int], weights: Sequence[Any], gradients: Sequence[Any], states: Sequence[Any]
    ) -> None:
        """Update all parameters of one type in place, after counting the update."""
        self._begin_update(indices)
        named = [
            dict(zip(self.state_names_of(self.param_dict[i]), arrays)) for i, arrays in zip(indices, states)
        ]
        gradients = in_update_type(gradients)
        directions = [
            self._direction(index, gradient, arrays)
            for index, gradient, arrays in zip(indices, gradients, named)
        ]
        library, kernels = libraries.of(weights[0]), kernels_of(weights[0])
        grafted = self._gradient_norms(gradients).sqrt() * self.rescale_grad
        norms = self._direction_norms(directions).sqrt()
        sizes = library.where(norms > 0, grafted / norms, library.full_like(norms, 0.0))
        lrs, wds = self._get_lrs(indices), self._get_wds(indices)
        momenta = [arrays[MOMENTUM] for arrays in named]
        targets = [arrays.get(MASTER, weight) for weight, arrays in zip(weights, named)]
        library.scaled(momenta, self.momentum, out=momenta)
        library.scale_on_device(directions, sizes)
        library.add(momenta, directions, momenta)
        kernels.subtract(targets, targets, [lr * wd for lr, wd in zip(lrs, wds)])
        kernels.subtract(targets, momenta, lrs)
        if MASTER in named[0]:
            library.copy(targets, weights)

    def _direction(self, index: int, gradient: Any, arrays: dict[str, Any]) -> Any:
        library, kernels = libraries.of(gradient), kernels_of(gradient)
        if index not in self._directions:
            self._directions[index] = library.empty_like(gradient)
        direction = self._directions[index]
        library.scaled([gradient], self.rescale_grad, out=[direction])
        matrix = as_matrix(direction)
        sides = [side for side in SIDES if side in arrays]
        for side in sides:
            factor = matrix if side == "left" else matrix.T
            mean = arrays[side]
            library.scaled([mean], self.beta2, out=[mean])
            kernels.subtract([mean], [library.times_transposed(factor, factor)], [self.beta2 - 1])
            if (self.num_update - 1) % self.precondition_every == 0:
                root = self._root(library.to_numpy(mean), power=-1 / (2 * len(sides)))
                library.fill(arrays[f"{side}_root"], root)
        if "right" in sides:
            matrix = library.times_transposed(matrix, arrays["right_root"])  # which is symmetric
        if "left" in sides:
            matrix = library.times_transposed(arrays["left_root"], matrix.T)
        if sides:
            library.copy([matrix.reshape(direction.shape)], [direction])
        return direction

    def _root(self, mean: Any, power: float) -> Any:
        """``(mean + damping * largest eigenvalue) ** power`` in float64, by NumPy."""
        values, vectors = np.linalg.eigh(mean.astype(float) / (1 - self.beta2**self.num_update))
        largest = values[-1]
        if not largest > 0:  # no gradient yet, or none that is finite
            return np.eye(len(values))
        root = (vectors * (values.clip(0) + self.damping * largest) ** power) @ vectors.T
        return (root + root.T) / 2
