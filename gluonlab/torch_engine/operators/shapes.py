"""MXNet 1.9.1's operators on shapes and places in PyTorch: what they move, choose, repeat or leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor


def reshape(x: Tensor, *, shape: Sequence[int], reverse: bool = False) -> Tensor:
    """Another shape, with MXNet's codes.

    0 is a size as it was, -1 what is left, -2 all the rest, -3 two in one, -4 one in two. With ``reverse``
    the codes are matched from the last axis on.
    """
    sizes, codes = list(x.shape), list(shape)
    out: list[Optional[int]] = []
    if reverse:
        sizes, codes = sizes[::-1], codes[::-1]
    while codes:
        code = codes.pop(0)
        if code == -2:
            out, sizes = out + sizes, []
        elif code == -3:
            out.append(sizes.pop(0) * sizes.pop(0))
        elif code == -4:
            whole, first, second = sizes.pop(0), codes.pop(0), codes.pop(0)
            out += [whole // second if first == -1 else first, whole // first if second == -1 else second]
        else:
            size = sizes.pop(0) if sizes else None
            out.append(size if code == 0 else code)
    return x.reshape(out[::-1] if reverse else out)


def reshape_like(x: Tensor, other: Tensor) -> Tensor:
    """``x`` in the shape of ``other``."""
    return x.reshape(other.shape)


def flatten(x: Tensor) -> Tensor:
    """All axes but the first become one."""
    return x.flatten(1)


def transpose(x: Tensor, *, axes: Sequence[int] = ()) -> Tensor:
    """Axes in another order, reversed by default."""
    return x.permute(tuple(axes) or tuple(reversed(range(x.ndim))))


def swap_axes(x: Tensor, *, dim1: int = 0, dim2: int = 0) -> Tensor:
    """Two axes in each other's place."""
    return x.swapaxes(dim1, dim2)


def expand_dims(x: Tensor, *, axis: int) -> Tensor:
    """A new axis of length 1."""
    return x.unsqueeze(axis)


def squeeze(x: Tensor, *, axis: Union[int, Sequence[int], None] = None) -> Tensor:
    """Without axes of length 1."""
    return x.squeeze() if axis is None else x.squeeze(axis if isinstance(axis, int) else tuple(axis))


def concat(*parts: Tensor, num_args: int = 1, dim: int = 1) -> Tensor:
    """Arrays side by side along an axis."""
    return torch.cat(parts, dim)


def stack(*parts: Tensor, num_args: int = 1, axis: int = 0) -> Tensor:
    """Arrays of one shape along a new axis."""
    return torch.stack(parts, axis)


def split(x: Tensor, *, num_outputs: int, axis: int = 1, squeeze_axis: bool = False) -> Any:
    """Equal parts along an axis, which goes away with ``squeeze_axis``."""
    parts = x.chunk(num_outputs, axis)
    if squeeze_axis:
        parts = tuple(part.squeeze(axis) for part in parts)
    return parts if num_outputs > 1 else parts[0]


def split_at(
    x: Tensor, *, indices: Sequence[int] = (), axis: int = 1, squeeze_axis: bool = False, sections: int = 0
) -> Any:
    """Parts that begin at ``indices``, or so many equal ``sections``."""
    if sections:
        parts = x.chunk(sections, axis)
    else:
        ends = [*indices[1:], x.shape[axis]]
        parts = tuple(x.narrow(axis, begin, end - begin) for begin, end in zip(indices, ends))
    if squeeze_axis:
        parts = tuple(part.squeeze(axis) for part in parts)
    return parts if len(parts) > 1 else parts[0]


def slice_(
    x: Tensor,
    *,
    begin: Sequence[Optional[int]],
    end: Sequence[Optional[int]],
    step: Sequence[Optional[int]] = (),
) -> Tensor:
    """Every ``step``-th place from ``begin`` to before ``end`` of the first axes; backwards if negative."""
    for axis, (first, last, stride) in enumerate(zip(begin, end, step or (None,) * len(begin))):
        places = range(x.shape[axis])[first:last:stride]
        if places.step > 0:
            x = x[(slice(None),) * axis + (slice(first, last, stride),)]
        else:
            x = x.index_select(axis, torch.tensor(list(places), device=x.device))
    return x


def slice_axis(x: Tensor, *, axis: int, begin: int, end: Optional[int]) -> Tensor:
    """A part of one axis."""
    return x[(slice(None),) * (axis % x.ndim) + (slice(begin, end),)]


def slice_like(x: Tensor, other: Tensor, *, axes: Sequence[int] = ()) -> Tensor:
    """The first places of ``axes``, or of all, as many as ``other`` has."""
    for axis in axes or range(x.ndim):
        x = x.narrow(axis, 0, other.shape[axis])
    return x


def flip(x: Tensor, *, axis: Union[int, Sequence[int]]) -> Tensor:
    """Axes backwards."""
    return x.flip((axis,) if isinstance(axis, int) else tuple(axis))


def tile(x: Tensor, *, reps: Union[int, Sequence[int]]) -> Tensor:
    """The whole array side by side with itself."""
    return x.tile((reps,) if isinstance(reps, int) else tuple(reps))


def repeat(x: Tensor, *, repeats: int, axis: Optional[int] = None) -> Tensor:
    """Each number, or each slice of an axis, several times."""
    return x.repeat_interleave(repeats, axis)


def pad(x: Tensor, *, mode: str, pad_width: Sequence[int], constant_value: float = 0.0) -> Tensor:
    """Borders around the axes behind batch and channels: a constant, the edge repeated, or a reflection."""
    pairs = [(pad_width[2 * axis], pad_width[2 * axis + 1]) for axis in range(x.ndim)]
    if any(pair != (0, 0) for pair in pairs[:2]):
        raise ValueError("a border around batch or channels")
    widths = [width for pair in reversed(pairs[2:]) for width in pair]
    if mode == "constant":
        return F.pad(x, widths, value=constant_value)
    return F.pad(x, widths, mode={"edge": "replicate", "reflect": "reflect"}[mode])


def broadcast_to(x: Tensor, *, shape: Sequence[int]) -> Tensor:
    """Axes of length 1 repeated; a size of 0 is that of ``x``."""
    return x.expand([size if size else old for size, old in zip(shape, x.shape)])


def broadcast_like(
    x: Tensor,
    other: Tensor,
    *,
    lhs_axes: Optional[Sequence[int]] = None,
    rhs_axes: Optional[Sequence[int]] = None,
) -> Tensor:
    """Axes of length 1 repeated to the size that ``other`` has there."""
    if lhs_axes is None or rhs_axes is None:
        return x.expand(other.shape)
    sizes = list(x.shape)
    for ours, theirs in zip(lhs_axes, rhs_axes):
        sizes[ours] = other.shape[theirs]
    return x.expand(sizes)


def broadcast_axis(
    x: Tensor, *, axis: Union[int, Sequence[int]] = (), size: Union[int, Sequence[int]] = ()
) -> Tensor:
    """Axes of length 1 repeated ``size`` times."""
    sizes = list(x.shape)
    axes = (axis,) if isinstance(axis, int) else axis
    for place, length in zip(axes, (size,) if isinstance(size, int) else size):
        sizes[place] = length
    return x.expand(sizes)


def arange_like(
    x: Tensor, *, start: float = 0.0, step: float = 1.0, repeat: int = 1, axis: Optional[int] = None
) -> Tensor:
    """``start``, ``start + step`` and so on, in the shape of ``x``, or one for each place of an axis."""
    count = x.numel() if axis is None else x.shape[axis]
    values = start + step * (torch.arange(count, device=x.device) // repeat).to(x.dtype)
    return values.reshape(x.shape) if axis is None else values


def take(x: Tensor, indices: Tensor, *, axis: int = 0, mode: str = "clip") -> Tensor:
    """Slices of an axis by number; one beyond its ends takes the end (``clip``) or goes around (``wrap``)."""
    size = x.shape[axis]
    places = indices.to(torch.int64)
    places = places % size if mode == "wrap" else places.clamp(0, size - 1)
    picked = x.index_select(axis, places.reshape(-1))
    axis %= x.ndim
    return picked.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])


def pick(x: Tensor, index: Tensor, *, axis: int = -1, keepdims: bool = False, mode: str = "clip") -> Tensor:
    """One number of each row along an axis; numbers beyond its ends take the end or go around."""
    size = x.shape[axis]
    place = index.to(torch.int64)
    place = place % size if mode == "wrap" else place.clamp(0, size - 1)
    picked = x.gather(axis, place.reshape(x.movedim(axis, -1).shape[:-1]).unsqueeze(axis))
    return picked if keepdims else picked.squeeze(axis)


def gather_nd(x: Tensor, indices: Tensor) -> Tensor:
    """Numbers, or slices, at the places that the columns of ``indices`` say."""
    return x[tuple(indices.to(torch.int64))]


def one_hot(
    x: Tensor, *, depth: int, on_value: float = 1.0, off_value: float = 0.0, dtype: str = "float32"
) -> Tensor:
    """A row of ``depth`` numbers for each one; a number that is no place gives a row of ``off_value``."""
    is_on = x.to(torch.int64).unsqueeze(-1) == torch.arange(depth, device=x.device)
    kind = getattr(torch, dtype)
    return torch.where(
        is_on,
        torch.tensor(on_value, dtype=kind, device=x.device),
        torch.tensor(off_value, dtype=kind, device=x.device),
    )


def where(condition: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``x`` where the condition is not 0, else ``y``; a condition (n,) chooses rows."""
    if condition.ndim < x.ndim:
        condition = condition.reshape(-1, *(1 for _ in x.shape[1:]))
    return torch.where(condition != 0, x, y)


def cast(x: Tensor, *, dtype: str) -> Tensor:
    """The same numbers in another type."""
    return x.to(getattr(torch, dtype))


def zeros(*, shape: Sequence[int], dtype: Optional[str] = "float32") -> Tensor:
    """Zeros, on the default device; a size of 0 is one that MXNet would find out later."""
    return torch.zeros(tuple(shape), dtype=getattr(torch, dtype or "float32"))


def ones(*, shape: Sequence[int], dtype: Optional[str] = "float32") -> Tensor:
    """Ones, on the default device."""
    return torch.ones(tuple(shape), dtype=getattr(torch, dtype or "float32"))


def zeros_like(x: Tensor) -> Tensor:
    """Zeros in the shape of ``x``."""
    return torch.zeros_like(x)


def ones_like(x: Tensor) -> Tensor:
    """Ones in the shape of ``x``."""
    return torch.ones_like(x)


def identity(x: Tensor) -> Tensor:
    """``x`` as it is."""
    return x


def stop_gradient(x: Tensor) -> Tensor:
    """``x``, through which no gradient goes back."""
    return x.detach()
