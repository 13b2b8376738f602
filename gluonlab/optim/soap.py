"""SOAP: Adam in the eigenbasis that Shampoo would use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Parameter
from gluonlab.optim.adam import AdamOptimizer
from gluonlab.optim.base import MASTER, MOMENTUM, VARIANCE, needs_master
from gluonlab.optim.kernels import kernels_of
from gluonlab.optim.rules import in_update_type
from gluonlab.optim.sides import SIDES, as_matrix, sides_of


class SOAP(AdamOptimizer):
    """``w -= lr * (Q_L A(Q_L^T g Q_R) Q_R^T + wd * w)``, A being Adam's direction (Vyas et al. 2024).

    The columns of Q_L and Q_R are nearly eigenvectors of the running means by beta2 of ``g g^T`` and
    ``g^T g``; g is a matrix, filters one of (out, in * height * width). A side longer than ``max_side`` has
    none; vectors are updated by AdamW. The first update only begins the means. Every ``precondition_every``
    updates after it the bases take one step of orthogonal iteration, by NumPy on the host: such an update
    waits for the device, the others do not. Each process computes all of it.
    """

    def __init__(
        self,
        learning_rate: float,
        weight_decay: float,
        *,
        beta1: float = 0.95,
        beta2: float = 0.95,
        eps: float = 1e-8,
        precondition_every: int = 10,
        max_side: int = 1024,
    ) -> None:
        super().__init__(learning_rate, weight_decay, beta1, beta2, eps)
        self.precondition_every = precondition_every
        self.max_side = max_side

    def state_names_of(self, parameter: Parameter) -> tuple[str, ...]:
        """Adam's, in the eigenbasis; then the mean and the basis of each side, and a float32 copy."""
        return tuple(self.state_shapes_of(parameter))

    def state_shapes_of(self, parameter: Parameter) -> dict[str, tuple[int, ...]]:
        """The shape of each of `state_names_of`; the matrices of the sides are square."""
        shape = tuple(parameter.shape)
        shapes: dict[str, tuple[int, ...]] = {MOMENTUM: shape, VARIANCE: shape}
        for side, length in sides_of(shape, self.max_side).items():
            shapes.update({side: (length, length), f"{side}_basis": (length, length)})
        if needs_master(parameter):
            shapes[MASTER] = shape
        return shapes

    def update_multi_precision(
        self, indices: Sequence[int], weights: Sequence[Any], gradients: Sequence[Any], states: Sequence[Any]
    ) -> None:
        """Update all parameters of one type in place, after counting the update."""
        self._begin_update(indices)
        library, kernels = libraries.of(weights[0]), kernels_of(weights[0])
        rates = zip(self._get_lrs(indices), self._get_wds(indices))
        for index, weight, gradient, arrays, (lr, wd) in zip(indices, weights, gradients, states, rates):
            named = dict(zip(self.state_names_of(self.param_dict[index]), arrays))
            matrix = as_matrix(in_update_type([gradient])[0]) * self.rescale_grad
            target = named.get(MASTER, weight)
            if self.num_update > 1:
                direction = self._direction(matrix, named).reshape(target.shape)
                kernels.subtract([target], [target], [lr * wd])
                kernels.subtract([target], [direction], [lr])
            self._move_bases(matrix, named)
            if target is not weight:
                library.copy([target], [weight])

    def _direction(self, gradient: Any, named: dict[str, Any]) -> Any:
        """Adam's, to which the second update is the first."""
        rotated = to_basis(gradient, named)
        mean, variance = as_matrix(named[MOMENTUM]), as_matrix(named[VARIANCE])
        rule = replace(self._rule(bias_correction=True), rescale=1.0, updates=self.num_update - 1)
        direction = libraries.of(rotated).zeros_like([rotated])
        kernels_of(rotated).adam_step(direction, [rotated], [mean], [variance], rule, [-1.0])
        return from_basis(direction[0], named)

    def _move_bases(self, gradient: Any, named: dict[str, Any]) -> None:
        """Take the gradient into the means; renew the bases if it is time, and Adam's means in them."""
        library, kernels = libraries.of(gradient), kernels_of(gradient)
        sides = [side for side in SIDES if side in named]
        for side in sides:
            factor = gradient if side == "left" else gradient.T
            side_mean = [named[side]]
            library.scaled(side_mean, self.beta2, out=side_mean)
            kernels.subtract(side_mean, [library.times_transposed(factor, factor)], [self.beta2 - 1])
        if not sides or (self.num_update - 1) % self.precondition_every:
            return
        mean, variance = as_matrix(named[MOMENTUM]), as_matrix(named[VARIANCE])
        plain = from_basis(mean, named)
        for side in sides:
            basis = named[f"{side}_basis"]
            renewed, order = self._renewed(library.to_numpy(named[side]), library.to_numpy(basis))
            library.fill(basis, renewed)
            library.copy([library.take(variance, order, axis=SIDES.index(side))], [variance])
        library.copy([to_basis(plain, named)], [mean])

    def _renewed(self, mean: Any, basis: Any) -> tuple[Any, Any]:
        """The basis after one iteration, and the order of its columns, by falling eigenvalue, in the old."""
        mean, basis = mean.astype(float), basis.astype(float)
        if not np.isfinite(mean).all():  # the loss is not either: the watch over it ends the run
            return basis, np.arange(len(basis))
        if self.num_update == 1:
            return np.linalg.eigh(mean)[1][:, ::-1], np.arange(len(basis))
        order = np.argsort(-np.einsum("ij,ik,kj->j", basis, mean, basis), kind="stable")
        return np.linalg.qr(mean @ basis[:, order])[0], order


def to_basis(matrix: Any, named: dict[str, Any]) -> Any:
    """``Q_L^T matrix Q_R``, by the bases that there are."""
    times_transposed = libraries.of(matrix).times_transposed
    if "left_basis" in named:
        matrix = times_transposed(named["left_basis"].T, matrix.T)
    if "right_basis" in named:
        matrix = times_transposed(matrix, named["right_basis"].T)
    return matrix


def from_basis(matrix: Any, named: dict[str, Any]) -> Any:
    """``Q_L matrix Q_R^T``, by the bases that there are."""
    times_transposed = libraries.of(matrix).times_transposed
    if "left_basis" in named:
        matrix = times_transposed(named["left_basis"], matrix.T)
    if "right_basis" in named:
        matrix = times_transposed(matrix, named["right_basis"])
    return matrix
