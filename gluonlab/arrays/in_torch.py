"""`Arrays` for PyTorch's tensors, which are laid out in C order and need no gradient."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gluonlab.arrays.protocols import Norms

PART = 1 << 17
"""Elements of one dot product on the CPU, in float32; its own norms are 1.1 % off at 1e8 elements."""


def _device(where: Any) -> Any:
    return where.device if isinstance(where, Tensor) else where


def is_on_host(where: Any) -> bool:
    return bool(_device(where).type == "cpu")


def zeros(shape: Sequence[int], where: Any, dtype: str = "float32") -> Tensor:
    return torch.zeros(tuple(shape), device=_device(where), dtype=getattr(torch, dtype))


def full_like(array: Tensor, value: float) -> Tensor:
    return torch.full_like(array, value)


def empty_like(array: Tensor) -> Tensor:
    return torch.empty_like(array)


def zeros_like(arrays: Sequence[Tensor]) -> list[Tensor]:
    return [torch.zeros_like(array) for array in arrays]


def from_numpy(values: Any, where: Any, dtype: str = "float32") -> Tensor:
    host = np.array(values, dtype, order="C")  # a copy
    return torch.from_numpy(host).to(_device(where))


def to_numpy(array: Tensor) -> NDArray[Any]:
    host = np.asarray(array.cpu().contiguous().numpy())
    return host.copy() if array.device.type == "cpu" else host


def memory_of(array: Tensor) -> NDArray[Any]:
    memory: NDArray[Any] = array.detach().numpy()
    return memory


class HostMarks:
    """`UpdateMarks` for a device that does at once what it is asked for."""

    def __init__(self) -> None:
        self._passed = 0

    def begin(self, sums: Sequence[Tensor]) -> None:
        """They are there."""
        self._passed += 1

    def end(self, changed: Sequence[Tensor]) -> None:
        """All is done."""
        self._passed += 1

    def finished(self) -> Optional[int]:
        """How many updates are finished; None while one is under way."""
        finished, is_under_way = divmod(self._passed, 2)
        return None if is_under_way else finished


def update_marks() -> HostMarks:
    return HostMarks()


def fill(array: Tensor, values: Any) -> None:
    array.copy_(torch.from_numpy(np.array(values)))


def fetch(array: Tensor) -> Callable[[], NDArray[Any]]:
    if is_on_host(array):
        values = to_numpy(array)
        return lambda: values
    host = torch.empty_like(array, device="cpu", pin_memory=True)
    host.copy_(array, non_blocking=True)
    waits = mark(array)

    def values_when_there() -> NDArray[Any]:
        waits()
        return np.asarray(host.numpy())

    return values_when_there


def mark(array: Tensor) -> Callable[[], object]:
    if is_on_host(array):
        return lambda: None
    event = torch.cuda.Event()
    event.record(torch.cuda.current_stream(array.device))
    waits: Callable[[], object] = event.synchronize
    return waits


def call_when_ready(array: Tensor, action: Callable[[], None]) -> None:
    if is_on_host(array):
        action()
        return
    wait = mark(array)

    def wait_and_act() -> None:
        wait()
        action()

    threading.Thread(target=wait_and_act, name="gluonlab-readiness", daemon=True).start()


def wait_for_all() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


def copies(arrays: Sequence[Tensor]) -> list[Tensor]:
    return [array.clone() for array in arrays]


def copy(sources: Sequence[Tensor], targets: Sequence[Tensor]) -> None:
    if sources:
        torch._foreach_copy_(list(targets), list(sources))


def cast(arrays: Sequence[Tensor], dtype: str) -> list[Tensor]:
    return [array.to(getattr(torch, dtype)) for array in arrays]


def add(left: Sequence[Tensor], right: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    if out[0] is right[0]:
        left, right = right, left
    if out[0] is left[0]:
        torch._foreach_add_(list(left), list(right))
    else:
        copy(torch._foreach_add(list(left), list(right)), out)


def scaled(
    arrays: Sequence[Tensor], factors: Union[float, Sequence[float]], out: Sequence[Tensor] = ()
) -> Sequence[Tensor]:
    numbers = float(factors) if isinstance(factors, (int, float)) else list(factors)
    if out and out[0] is arrays[0]:
        torch._foreach_mul_(list(arrays), numbers)
        return out
    products: Sequence[Tensor] = torch._foreach_mul(list(arrays), numbers)
    if not out:
        return products
    copy(products, out)
    return out


def scale_on_device(arrays: Sequence[Tensor], factors: Tensor) -> None:
    if factors.numel() == 1:
        torch._foreach_mul_(list(arrays), factors.reshape(()))
    else:
        torch._foreach_mul_(list(arrays), list(factors.unbind()))


def move_towards(arrays: Sequence[Tensor], others: Sequence[Tensor], share: float) -> None:
    alike = [other.to(array.dtype) for array, other in zip(arrays, others)]
    if arrays:
        torch._foreach_lerp_(list(arrays), alike, share)


def clip(arrays: Sequence[Tensor], bound: float) -> None:
    ours = list(arrays)
    not_finite = torch._foreach_sub(ours, ours)  # 0, or NaN
    torch._foreach_clamp_min_(ours, -bound)
    torch._foreach_clamp_max_(ours, bound)
    torch._foreach_add_(ours, not_finite)


def concatenated(arrays: Sequence[Tensor], out: Optional[Tensor] = None) -> Tensor:
    flat = [array.reshape(-1) for array in arrays]
    return torch.cat(flat) if out is None else torch.cat(flat, out=out)


def split(flat: Tensor, targets: Sequence[Tensor]) -> None:
    parts = flat.split([target.numel() for target in targets])
    copy([part.view(target.shape) for part, target in zip(parts, targets)], targets)


def reversed_order(array: Tensor) -> Tensor:
    return array.flip(0)


def where(condition: Tensor, chosen: Tensor, other: Tensor) -> Tensor:
    return torch.where(condition.bool(), chosen, other)


def minimum(left: Tensor, right: Any) -> Tensor:
    return torch.minimum(left, right) if isinstance(right, Tensor) else left.clamp(max=right)


def maximum(left: Tensor, right: Any) -> Tensor:
    return torch.maximum(left, right) if isinstance(right, Tensor) else left.clamp(min=right)


def take(array: Tensor, places: Any, axis: int) -> Tensor:
    return array.index_select(axis, torch.from_numpy(np.array(places)).to(array.device))


def times_transposed(left: Tensor, right: Tensor) -> Tensor:
    return left @ right.T


def all_finite(arrays: Sequence[Tensor]) -> bool:
    if not is_on_host(arrays[0]):
        return bool(torch.stack(torch._foreach_norm(list(arrays), float("inf"))).isfinite().all())
    # A square may overflow where the number did not.
    return all(np.isfinite(_square(array)) or bool(array.isfinite().all()) for array in arrays)


def norms() -> Norms:
    return _squared_norms


def _squared_norms(arrays: Sequence[Tensor]) -> Tensor:
    """Added up in float64; in the type of the first array, but not below float32."""
    dtype = torch.float64 if arrays[0].dtype == torch.float64 else torch.float32
    if is_on_host(arrays[0]):
        return torch.tensor([_square(array) for array in arrays], dtype=dtype)
    return torch.stack(torch._foreach_norm(list(arrays), 2, dtype=torch.float64)).square().to(dtype)


def _square(array: Tensor) -> float:
    flat = array.reshape(-1)
    flat = flat if flat.dtype == torch.float64 else flat.float()
    return sum(float(torch.dot(part, part)) for part in flat.split(PART))


def bytes_in_use(where: Any) -> int:
    free, total = torch.cuda.mem_get_info(_device(where))
    return int(total - free)


def host_batch(shape: Sequence[int], where: Any, dtype: str) -> tuple[Tensor, NDArray[Any]]:
    is_pinned = not is_on_host(where)
    batch = torch.empty(tuple(shape), dtype=getattr(torch, dtype), pin_memory=is_pinned)
    return batch, batch.numpy()


def normalised(batch: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    return (to_device(batch, mean).permute(0, 3, 1, 2).float() - mean) * scale  # stays channels-last


def to_device(batch: Tensor, where: Any) -> Tensor:
    """From pinned memory, beside what the device computes: on a stream of its own."""
    device = _device(where)
    if device.type == "cpu":
        return batch
    if device not in _STREAMS:
        _STREAMS[device] = torch.cuda.Stream(device)
    here = torch.cuda.current_stream(device)
    with torch.cuda.stream(_STREAMS[device]):
        there = batch.to(device, non_blocking=True)
    here.wait_stream(_STREAMS[device])
    there.record_stream(here)
    return there


_STREAMS: dict[Any, Any] = {}


def column_sums(columns: Sequence[Tensor]) -> Tensor:
    table = [column.detach().double() for column in columns]
    return torch.stack([*table, torch.ones_like(table[0])]).sum(dim=1)


def call(block: Any, *arrays: Tensor) -> Any:
    from gluonlab.torch_engine.blocks import traced

    return traced(block, len(arrays))(*arrays)
