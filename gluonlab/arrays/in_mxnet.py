"""`Arrays` for MXNet's."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, Optional, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.arrays.calls_in_mxnet import MAX_TENSORS_PER_CALL
from gluonlab.arrays.norms_in_mxnet import SumsOfSquares
from gluonlab.arrays.protocols import Norms
from gluonlab.arrays.readiness_in_mxnet import call_when_ready as call_when_ready
from gluonlab.arrays.update_marks_in_mxnet import UpdateMarks
from gluonlab.arrays.update_marks_in_mxnet import memory_of as memory_of
from gluonlab.runtime.mxnet import autograd, mx, nd

SMALLEST_NORMAL = 1.2e-38


def operator_number(value: float) -> float:
    """``value``, or 0 where float32 would hold it as a subnormal number, which MXNet's operators refuse."""
    return value if abs(value) >= SMALLEST_NORMAL else 0.0


def _ctx(where: Any) -> Any:
    return where.context if isinstance(where, nd.NDArray) else where


def is_on_host(where: Any) -> bool:
    return bool(_ctx(where).device_type == "cpu")


def zeros(shape: Sequence[int], where: Any, dtype: str = "float32") -> Any:
    return nd.zeros(tuple(shape), _ctx(where), dtype)


def full_like(array: Any, value: float) -> Any:
    return nd.full(array.shape, value, ctx=array.context, dtype=array.dtype)


def empty_like(array: Any) -> Any:
    return nd.empty(array.shape, array.context, array.dtype)


def zeros_like(arrays: Sequence[Any]) -> list[Any]:
    return [nd.zeros_like(array) for array in arrays]


def from_numpy(values: Any, where: Any, dtype: str = "float32") -> Any:
    return nd.array(values, _ctx(where), dtype)


def to_numpy(array: Any) -> NDArray[Any]:
    return np.asarray(array.asnumpy())


def update_marks() -> UpdateMarks:
    return UpdateMarks()


def fill(array: Any, values: Any) -> None:
    array[:] = values


def fetch(array: Any) -> Callable[[], NDArray[Any]]:
    on_host = array.copyto(mx.cpu())
    return lambda: to_numpy(on_host)


def mark(array: Any) -> Callable[[], object]:
    waits: Callable[[], object] = array.wait_to_read
    return waits


def wait_for_all() -> None:
    nd.waitall()


def copies(arrays: Sequence[Any]) -> list[Any]:
    return [array.copy() for array in arrays]


def copy(sources: Sequence[Any], targets: Sequence[Any]) -> None:
    for source, target in zip(sources, targets):
        if source.dtype == target.dtype:
            source.copyto(target)
        else:
            nd.cast(source, dtype=target.dtype, out=target)


def cast(arrays: Sequence[Any], dtype: str) -> list[Any]:
    return [array.astype(dtype, copy=False) for array in arrays]


def add(left: Sequence[Any], right: Sequence[Any], out: Sequence[Any]) -> None:
    for a, b, c in zip(left, right, out):
        nd.elemwise_add(a, b, out=c)


def scaled(
    arrays: Sequence[Any], factors: Union[float, Sequence[float]], out: Sequence[Any] = ()
) -> Sequence[Any]:
    numbers = [factors] * len(arrays) if isinstance(factors, (int, float)) else factors
    if not out:
        return [nd._internal._mul_scalar(array, scalar=number) for array, number in zip(arrays, numbers)]
    for array, number, there in zip(arrays, numbers, out):
        nd._internal._mul_scalar(array, scalar=number, out=there)
    return out


def scale_on_device(arrays: Sequence[Any], factors: Any) -> None:
    for place, array in enumerate(arrays):
        factor = factors[place : place + 1] if factors.size > 1 else factors
        nd.broadcast_mul(array, factor.reshape((1,) * array.ndim), out=array)


def move_towards(arrays: Sequence[Any], others: Sequence[Any], share: float) -> None:
    if not operator_number(share):
        return
    for array, other in zip(arrays, others):
        difference = array - other.astype(array.dtype, copy=False)
        nd.sgd_update(array, difference, out=array, lr=share, wd=0.0)


def clip(arrays: Sequence[Any], bound: float) -> None:
    for array in arrays:
        not_finite = array - array  # 0, or NaN
        nd.elemwise_add(nd.clip(array, -bound, bound), not_finite, out=array)


def concatenated(arrays: Sequence[Any], out: Optional[Any] = None) -> Any:
    flat = [array if array.ndim == 1 else array.reshape(-1) for array in arrays]
    return nd.concat(*flat, dim=0) if out is None else nd.concat(*flat, dim=0, out=out)


def split(flat: Any, targets: Sequence[Any]) -> None:
    first = 0
    for target in targets:
        part = flat[first : first + target.size]
        (part if target.ndim == 1 else part.reshape(target.shape)).copyto(target)
        first += target.size


def reversed_order(array: Any) -> Any:
    return array[::-1]


def where(condition: Any, chosen: Any, other: Any) -> Any:
    return nd.where(condition, chosen, other)


def minimum(left: Any, right: Any) -> Any:
    return nd.minimum(left, right)


def maximum(left: Any, right: Any) -> Any:
    return nd.maximum(left, right)


def take(array: Any, places: Any, axis: int) -> Any:
    return nd.take(array, nd.array(places, array.context), axis=axis)


def times_transposed(left: Any, right: Any) -> Any:
    """By oneDNN, which takes a fifth of the time of `nd.dot`.

    Matrices of one shape in one `nd.batch_dot` took twice as long as one by one, but for tiny ones.
    """
    with autograd.train_mode():  # in prediction mode oneDNN would put the second factor into another order
        return nd.FullyConnected(left, right, num_hidden=right.shape[0], no_bias=True, flatten=False)


def all_finite(arrays: Sequence[Any]) -> bool:
    verdict = nd.ones(1, ctx=arrays[0].context)
    for first in range(0, len(arrays), MAX_TENSORS_PER_CALL):
        chunk = arrays[first : first + MAX_TENSORS_PER_CALL]
        nd.multi_all_finite(*chunk, num_arrays=len(chunk), init_output=False, out=verdict)
    return bool(verdict.asscalar())


def norms() -> Norms:
    return SumsOfSquares()


def bytes_in_use(where: Any) -> int:
    free, total = mx.context.gpu_memory_info(_ctx(where).device_id)
    return int(total - free)


def host_batch(shape: Sequence[int], where: Any, dtype: str) -> tuple[Any, NDArray[Any]]:
    """From pinned memory a GPU copies beside what it computes; MXNet keeps it until then."""
    ctx = _ctx(where)
    batch = nd.empty(tuple(shape), ctx if is_on_host(ctx) else mx.cpu_pinned(ctx.device_id), dtype=dtype)
    address = ctypes.POINTER(np.ctypeslib.as_ctypes_type(dtype))()
    mx.base.check_call(mx.base._LIB.MXNDArrayGetData(batch.handle, ctypes.byref(address)))
    return batch, np.ctypeslib.as_array(address, tuple(shape))


def normalised(batch: Any, mean: Any, scale: Any) -> Any:
    values = batch.as_in_context(mean.context)
    return (values.transpose((0, 3, 1, 2)).astype("float32") - mean) * scale


def column_sums(columns: Sequence[Any]) -> Any:
    table = [column.astype("float64") for column in columns]
    return nd.stack(*table, nd.ones_like(table[0])).sum(axis=1)


def call(block: Any, *arrays: Any) -> Any:
    return block(*arrays)
