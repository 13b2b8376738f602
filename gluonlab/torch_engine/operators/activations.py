"""MXNet 1.9.1's activations, softmaxes and dropout in PyTorch, with its gradients at the corners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def activation(x: Tensor, *, act_type: str) -> Tensor:
    """The function called ``act_type`` of each number."""
    if act_type == "softrelu":
        return torch.logaddexp(x, torch.zeros_like(x))
    functions = {"relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "softsign": F.softsign}
    return functions[act_type](x)


def leaky_relu(
    x: Tensor,
    gamma: Optional[Tensor] = None,
    *,
    training: bool,
    act_type: str = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
) -> Tensor:
    """Leaky, parametric (He et al. 2015) and exponential ReLU (Clevert et al. 2016), SELU and GELU."""
    if act_type == "prelu":
        assert gamma is not None, "it has a slope for each channel"
        return F.prelu(x, gamma.reshape(-1))
    if act_type == "elu":
        return F.elu(x, slope)
    if act_type == "selu":
        return F.selu(x)
    if act_type == "gelu":
        return F.gelu(x)
    if act_type == "rrelu":
        return F.rrelu(x, lower_bound, upper_bound, training)
    return F.leaky_relu(x, slope)


def hard_sigmoid(x: Tensor, *, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    """``max(0, min(1, alpha * x + beta))``, whose gradient at both bounds is 0."""
    return F.hardtanh(x * alpha + beta, 0.0, 1.0)


def clip(x: Tensor, *, a_min: float, a_max: float) -> Tensor:
    """Numbers kept between two bounds; the gradient passes at the bounds, as it does not in ``relu6``."""
    return x.clamp(a_min, a_max)


def smooth_l1(x: Tensor, *, scalar: float = 1.0) -> Tensor:
    """``(s x)^2 / 2`` near zero, ``|x| - 1 / (2 s^2)`` beyond ``1 / s^2``."""
    square = scalar * scalar
    return torch.where(x.abs() < 1 / square, 0.5 * square * x * x, x.abs() - 0.5 / square)


def softmax(
    x: Tensor,
    length: Optional[Tensor] = None,
    *,
    axis: int = -1,
    temperature: Optional[float] = None,
    use_length: bool = False,
    dtype: Optional[str] = None,
) -> Tensor:
    """Softmax over an axis; behind ``length`` (of each row) it is 0."""
    x = x if temperature is None else x / temperature
    if length is None:
        return F.softmax(x, axis)
    places = torch.arange(x.shape[axis], device=x.device)
    places = places.reshape([-1 if number == axis % x.ndim else 1 for number in range(x.ndim)])
    is_in = places < length.unsqueeze(axis)
    return F.softmax(x.masked_fill(~is_in, -torch.inf), axis).masked_fill(~is_in, 0.0)


def log_softmax(
    x: Tensor,
    *,
    axis: int = -1,
    temperature: Optional[float] = None,
    dtype: Optional[str] = None,
    use_length: bool = False,
) -> Tensor:
    """Logarithm of the softmax over an axis."""
    return F.log_softmax(x if temperature is None else x / temperature, axis)


def softmin(
    x: Tensor,
    *,
    axis: int = -1,
    temperature: Optional[float] = None,
    dtype: Optional[str] = None,
    use_length: bool = False,
) -> Tensor:
    """Softmax of the negative over an axis."""
    return F.softmax(-x if temperature is None else -x / temperature, axis)


def softmax_activation(x: Tensor, *, mode: str = "instance") -> Tensor:
    """Softmax over all numbers of a sample, or over its channels."""
    return F.softmax(x, 1) if mode == "channel" else F.softmax(x.flatten(1), 1).reshape(x.shape)


def softmax_output(
    x: Tensor, label: Optional[Tensor] = None, *, multi_output: bool = False, preserve_shape: bool = False
) -> Tensor:
    """Probabilities of a network of the Module API, which has its loss built in; prediction only."""
    if multi_output:
        return F.softmax(x, 1)
    return F.softmax(x, -1) if preserve_shape else F.softmax(x.flatten(1), 1).reshape(x.shape)


def dropout(
    x: Tensor, *, training: bool, p: float = 0.5, mode: str = "training", axes: Sequence[int] = ()
) -> Tensor:
    """Dropout (Srivastava et al. 2014); along ``axes`` all numbers share one draw."""
    if p == 0 or not (training or mode == "always"):
        return x
    if not axes:
        return F.dropout(x, p, True)
    shape = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    return x * (torch.rand(shape, device=x.device) >= p).to(x.dtype) / (1 - p)
