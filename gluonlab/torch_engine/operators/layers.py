"""MXNet 1.9.1's layers with parameters in PyTorch: products, convolutions, norms, embeddings.

As in all files of this folder: tensors come first, attributes of the operator by name with MXNet's defaults.
Each function stands for itself, for its source text goes into exported modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

import torch
import torch.nn.functional as F
from torch import Tensor


def fully_connected(
    x: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    *,
    num_hidden: int = 0,
    no_bias: bool = False,
    flatten: bool = True,
) -> Tensor:
    """``x @ weight.T + bias``; with ``flatten`` all axes but the first become one before."""
    return F.linear(x.flatten(1) if flatten else x, weight, bias)


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    *,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    dilate: Sequence[int] = (),
    pad: Sequence[int] = (),
    num_filter: int = 0,
    num_group: int = 1,
    no_bias: bool = False,
) -> Tensor:
    """Cross-correlation over one, two or three axes behind batch and channels."""
    convolve = (F.conv1d, F.conv2d, F.conv3d)[len(kernel) - 1]
    return convolve(x, weight, bias, stride or 1, pad or 0, dilate or 1, num_group)


def deconvolution(
    x: Tensor,
    weight: Tensor,
    bias: Optional[Tensor] = None,
    *,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    dilate: Sequence[int] = (),
    pad: Sequence[int] = (),
    adj: Sequence[int] = (),
    num_filter: int = 0,
    num_group: int = 1,
    no_bias: bool = True,
) -> Tensor:
    """Transposed convolution; ``adj`` are values added behind each axis."""
    convolve = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[len(kernel) - 1]
    return convolve(x, weight, bias, stride or 1, pad or 0, adj or 0, num_group, dilate or 1)


def batch_norm(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    *,
    training: bool,
    eps: float = 1e-3,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    axis: int = 1,
    momentum: float = 0.9,
) -> Any:
    """Batch normalisation (Ioffe & Szegedy 2015); in training (output, mean, biased variance of the batch).

    With ``fix_gamma`` gamma counts as 1. Running statistics are read and not written: MXNet advances them by
    ``momentum * running + (1 - momentum) * batch``, and takes the biased variance on a CPU.
    """
    if axis not in (1, 1 - x.ndim):
        x = x.movedim(axis, 1)
    if fix_gamma:
        gamma = torch.ones_like(gamma)
    if not training or use_global_stats:
        y = F.batch_norm(x, running_mean, running_var, gamma, beta, False, 0.0, eps)
        return y if axis in (1, 1 - x.ndim) else y.movedim(1, axis)
    # momentum 1 keeps nothing of the buffers, so they are new ones: 0 * NaN would stay for ever
    mean, var = torch.zeros_like(running_mean), torch.zeros_like(running_var)
    y = F.batch_norm(x, mean, var, gamma, beta, True, 1.0, eps)
    count = x.numel() // x.shape[1]
    return y if axis in (1, 1 - x.ndim) else y.movedim(1, axis), mean, var * ((count - 1) / count)


def batch_norm_and_relu(
    x: Tensor,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    *,
    training: bool,
    eps: float = 1e-3,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    axis: int = 1,
    momentum: float = 0.9,
) -> Any:
    """`batch_norm` with the ReLU behind it."""
    y = batch_norm(
        x,
        gamma,
        beta,
        running_mean,
        running_var,
        training=training,
        eps=eps,
        fix_gamma=fix_gamma,
        use_global_stats=use_global_stats,
        axis=axis,
    )
    return (F.relu(y[0]), *y[1:]) if isinstance(y, tuple) else F.relu(y)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, axis: int = -1, eps: float = 1e-5) -> Tensor:
    """Layer normalisation (Ba et al. 2016) over one axis."""
    y = F.layer_norm(x.movedim(axis, -1), gamma.shape, gamma, beta, eps)
    return y.movedim(-1, axis)


def group_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, num_groups: int = 1, eps: float = 1e-5) -> Tensor:
    """Group normalisation (Wu & He 2018); gamma and beta are one number for each group."""
    each = x.shape[1] // num_groups
    return F.group_norm(x, num_groups, gamma.repeat_interleave(each), beta.repeat_interleave(each), eps)


def instance_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-3) -> Tensor:
    """Instance normalisation (Ulyanov et al. 2016): each channel of each sample by itself."""
    return F.instance_norm(x, weight=gamma, bias=beta, eps=eps)


def l2_normalization(x: Tensor, *, eps: float = 1e-10, mode: str = "instance") -> Tensor:
    """``x / sqrt(sum(x ** 2) + eps)`` over a sample, over its channels, or over its positions."""
    axes = {"instance": tuple(range(1, x.ndim)), "channel": (1,), "spatial": tuple(range(2, x.ndim))}[mode]
    return x / torch.sqrt((x * x).sum(axes, keepdim=True) + eps)


def local_response_norm(
    x: Tensor, *, nsize: int, alpha: float = 1e-4, beta: float = 0.75, knorm: float = 2.0
) -> Tensor:
    """Local response normalisation (Krizhevsky et al. 2012) over ``nsize`` neighbouring channels."""
    return F.local_response_norm(x, nsize, alpha, beta, knorm)


def embedding(
    x: Tensor,
    weight: Tensor,
    *,
    input_dim: int = 0,
    output_dim: int = 0,
    dtype: str = "float32",
    sparse_grad: bool = False,
) -> Tensor:
    """Rows of ``weight`` by number; numbers beyond its ends take the last row, or the first."""
    return F.embedding(x.to(torch.int64).clamp(0, weight.shape[0] - 1), weight)
