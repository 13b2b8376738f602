"""MXNet 1.9.1's operators over windows of an image in PyTorch: pooling and resizing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Union

import torch.nn.functional as F
from torch import Tensor


def pooling(
    x: Tensor,
    *,
    kernel: Sequence[int] = (),
    pool_type: str = "max",
    global_pool: bool = False,
    pooling_convention: str = "valid",
    stride: Sequence[int] = (),
    pad: Sequence[int] = (),
    count_include_pad: bool = True,
) -> Tensor:
    """Maximum, mean or sum over windows, or over all positions with ``global_pool``.

    The convention ``full`` adds a last window that is partly beyond the image. One that lies wholly behind
    image and padding is left out by PyTorch and not by MXNet; it is refused.
    """
    if global_pool:
        axes = tuple(range(2, x.ndim))
        if pool_type == "max":
            return x.flatten(2).max(2).values.reshape(*x.shape[:2], *(1 for _ in axes))
        return x.mean(axes, keepdim=True) if pool_type == "avg" else x.sum(axes, keepdim=True)
    dimensions = len(kernel)
    stride, pad = tuple(stride) or (1,) * dimensions, tuple(pad) or (0,) * dimensions
    is_full = pooling_convention == "full"
    for size, window, step, border in zip(x.shape[2:], kernel, stride, pad):
        last = -(-(size + 2 * border - window) // step) * step
        if is_full and last >= size + border:
            raise ValueError(f"a last pooling window behind an image of {size} pixels")
    if pool_type == "max":
        return (F.max_pool1d, F.max_pool2d, F.max_pool3d)[dimensions - 1](
            x, tuple(kernel), stride, pad, ceil_mode=is_full
        )
    mean = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[dimensions - 1]
    if pool_type == "avg":
        return mean(x, tuple(kernel), stride, pad, is_full, count_include_pad)
    if pool_type != "sum" or is_full:
        raise ValueError(f"{pool_type} pooling by the convention {pooling_convention}")
    return mean(x, tuple(kernel), stride, pad, False, True) * math.prod(kernel)


def adaptive_average(x: Tensor, *, output_size: Union[int, Sequence[int]] = 1) -> Tensor:
    """Means over a grid of ``output_size`` cells."""
    cells: Any = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
    return F.adaptive_avg_pool2d(x, cells * 2 if len(cells) == 1 else cells)


def up_sampling(
    x: Tensor, *, scale: int, sample_type: str = "nearest", num_args: int = 1, num_filter: int = 0
) -> Tensor:
    """Each pixel repeated ``scale`` times along both axes."""
    return F.interpolate(x, scale_factor=scale, mode="nearest")


def bilinear_resize(x: Tensor, *, height: int, width: int, align_corners: bool = True) -> Tensor:
    """The image at another size, bilinear, corners on corners unless told otherwise."""
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=align_corners)
