"""MXNet 1.9.1's arithmetic in PyTorch: of one array, of two, with a number; comparisons, sums, products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import torch
from torch import Tensor


def add_all(*parts: Tensor, num_args: int = 1) -> Tensor:
    """The sum of all."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def maximum(x: Tensor, y: Tensor) -> Tensor:
    """The larger of two numbers; of equal ones the first takes the gradient."""
    return torch.where(x >= y, x, y)


def minimum(x: Tensor, y: Tensor) -> Tensor:
    """The smaller of two numbers; of equal ones the first takes the gradient."""
    return torch.where(x <= y, x, y)


def power(x: Tensor, y: Tensor) -> Tensor:
    """``x ** y``."""
    return x**y


def add_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``x + scalar``."""
    return x + scalar


def subtract_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``x - scalar``."""
    return x - scalar


def subtract_from_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``scalar - x``."""
    return scalar - x


def multiply_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``x * scalar``."""
    return x * scalar


def divide_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``x / scalar``."""
    return x / scalar


def divide_by(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``scalar / x``."""
    return scalar / x


def power_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``x ** scalar``."""
    return x**scalar


def scalar_power(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """``scalar ** x``."""
    return torch.pow(scalar, x)


def maximum_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """The larger of ``x`` and a number; of equal ones ``x``."""
    return torch.where(x >= scalar, x, scalar)


def minimum_scalar(x: Tensor, *, scalar: float = 1.0, is_int: bool = True) -> Tensor:
    """The smaller of ``x`` and a number; of equal ones ``x``."""
    return torch.where(x <= scalar, x, scalar)


def compare(
    x: Tensor, y: Optional[Tensor] = None, *, relation: str, scalar: float = 1.0, is_int: bool = True
) -> Tensor:
    """1 where the relation of ``x`` to ``y``, or to a number, holds, else 0; in the type of ``x``."""
    return getattr(torch, relation)(x, scalar if y is None else y).to(x.dtype)


def axes_of(x: Tensor, axis: Union[int, Sequence[int], None], exclude: bool = False) -> tuple[int, ...]:
    """The axes that a reduction is over: all where none is named, all others with ``exclude``."""
    axes = (axis,) if isinstance(axis, int) else tuple(axis or ())
    axes = tuple(number % x.ndim for number in axes)
    if exclude:
        return tuple(number for number in range(x.ndim) if number not in axes)
    return axes or tuple(range(x.ndim))


def without_axes(x: Tensor, axes: Sequence[int], keepdims: bool) -> Tensor:
    """``x`` reduced over ``axes`` without them; what is one number has one axis in MXNet."""
    if keepdims:
        return x
    return x.squeeze(tuple(axes)) if len(axes) < x.ndim else x.reshape(1)


def sum_(
    x: Tensor, *, axis: Union[int, Sequence[int], None] = None, keepdims: bool = False, exclude: bool = False
) -> Tensor:
    """Sums over axes, over all without ``axis``, over all others with ``exclude``."""
    axes = axes_of(x, axis, exclude)
    return without_axes(x.sum(axes, keepdim=True), axes, keepdims)


def mean(
    x: Tensor, *, axis: Union[int, Sequence[int], None] = None, keepdims: bool = False, exclude: bool = False
) -> Tensor:
    """Means over axes."""
    axes = axes_of(x, axis, exclude)
    return without_axes(x.mean(axes, keepdim=True), axes, keepdims)


def product(
    x: Tensor, *, axis: Union[int, Sequence[int], None] = None, keepdims: bool = False, exclude: bool = False
) -> Tensor:
    """Products over axes."""
    axes = axes_of(x, axis, exclude)
    for number in axes:
        x = x.prod(number, keepdim=True)
    return without_axes(x, axes, keepdims)


def largest(
    x: Tensor, *, axis: Union[int, Sequence[int], None] = None, keepdims: bool = False, exclude: bool = False
) -> Tensor:
    """Maxima over axes; each of equal ones takes the whole gradient."""
    axes = axes_of(x, axis, exclude)
    top = x.detach().amax(axes, keepdim=True)
    is_top = x == top
    sums = torch.where(is_top, x, 0.0).sum(axes, keepdim=True)
    return without_axes(sums - (is_top.sum(axes, keepdim=True) - 1) * top, axes, keepdims)


def smallest(
    x: Tensor, *, axis: Union[int, Sequence[int], None] = None, keepdims: bool = False, exclude: bool = False
) -> Tensor:
    """Minima over axes; each of equal ones takes the whole gradient."""
    return -largest(-x, axis=axis, keepdims=keepdims, exclude=exclude)


def norm(
    x: Tensor, *, ord: int = 2, axis: Union[int, Sequence[int], None] = None, keepdims: bool = False
) -> Tensor:
    """Sums of magnitudes, or roots of sums of squares, over axes."""
    axes = axes_of(x, axis)
    sums = (x.abs() if ord == 1 else x * x).sum(axes, keepdim=True)
    return without_axes(sums if ord == 1 else sums.sqrt(), axes, keepdims)


def place_of_largest(x: Tensor, *, axis: Optional[int] = None, keepdims: bool = False) -> Tensor:
    """The first place of the maximum along an axis, as a number of the type of ``x``."""
    places = x.argmax(axis, keepdim=keepdims).to(x.dtype)
    return places if places.ndim else places.reshape(1)


def place_of_smallest(x: Tensor, *, axis: Optional[int] = None, keepdims: bool = False) -> Tensor:
    """The first place of the minimum along an axis, as a number of the type of ``x``."""
    places = x.argmin(axis, keepdim=keepdims).to(x.dtype)
    return places if places.ndim else places.reshape(1)


def dot(x: Tensor, y: Tensor, *, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """Products summed over the last axis of ``x`` and the first of ``y``, or the other end if transposed."""
    if (transpose_a and x.ndim > 2) or (transpose_b and y.ndim > 2):
        raise ValueError("a transposed product of more than two axes")
    x, y = x.T if transpose_a else x, y.T if transpose_b else y
    return torch.tensordot(x, y, 1)


def batch_dot(x: Tensor, y: Tensor, *, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """A matrix product for each pair of matrices."""
    return torch.matmul(x.mT if transpose_a else x, y.mT if transpose_b else y)


def scaled_product(
    x: Tensor,
    y: Tensor,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    axis: int = -2,
) -> Tensor:
    """``alpha`` times a matrix product for each pair of matrices."""
    return alpha * torch.matmul(x.mT if transpose_a else x, y.mT if transpose_b else y)


def divide_by_root_of_width(x: Tensor) -> Tensor:
    """``x / sqrt(d)``, d being the size of its last axis."""
    return x / x.shape[-1] ** 0.5
