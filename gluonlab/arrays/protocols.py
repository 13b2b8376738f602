"""What each library has a half of: the functions of `gluonlab.arrays`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Optional, Protocol, Union

from numpy.typing import NDArray


class Norms(Protocol):
    """Sums of squares; fastest for the same arrays each time."""

    def __call__(self, arrays: Sequence[Any]) -> Any:
        """Those of each of ``arrays``, of any shapes and types: (n,), on their device."""


class UpdateMarks(Protocol):
    """Count updates as the device carries them out, so that a reader can tell when a state is whole."""

    def begin(self, sums: Sequence[Any]) -> None:
        """An update begins when all ``sums`` are there, and uses none before; the same list each time."""

    def end(self, changed: Sequence[Any]) -> None:
        """It is finished when all that was asked of ``changed`` is done; the same list each time."""

    def finished(self) -> Optional[int]:
        """How many updates are finished; None while one is under way. Does not wait."""


class Arrays(Protocol):
    """One library's functions. ``where`` is a device, or an array on it; a ``dtype`` has NumPy's name."""

    def is_on_host(self, where: Any) -> bool:
        """Whether the device is the CPU."""

    def zeros(self, shape: Sequence[int], where: Any, dtype: str = "float32") -> Any:
        """A new array of zeros."""

    def full_like(self, array: Any, value: float) -> Any:
        """A new array of that shape and type, all ``value``."""

    def empty_like(self, array: Any) -> Any:
        """A new array of that shape and type, with anything in it."""

    def zeros_like(self, arrays: Sequence[Any]) -> list[Any]:
        """New arrays of zeros."""

    def from_numpy(self, values: Any, where: Any, dtype: str = "float32") -> Any:
        """A copy of ``values``, numbers in sequence or an array of NumPy, on the device."""

    def to_numpy(self, array: Any) -> NDArray[Any]:
        """``array`` on the host, in C order; waits for it."""

    def memory_of(self, array: Any) -> NDArray[Any]:
        """The memory of ``array`` on the host as it is, without waiting for what was asked of it."""

    def update_marks(self) -> UpdateMarks:
        """New marks, at 0, for arrays on the host."""

    def fill(self, array: Any, values: Any) -> None:
        """Overwrite ``array`` by ``values`` of NumPy of the same shape."""

    def fetch(self, array: Any) -> Callable[[], NDArray[Any]]:
        """Begin to copy ``array`` to the host as it is now; what is returned waits for the copy."""

    def mark(self, array: Any) -> Callable[[], object]:
        """What waits until ``array``, the last thing that was asked for, is computed."""

    def call_when_ready(self, array: Any, action: Callable[[], None]) -> None:
        """Have another thread call ``action`` once ``array`` is what was asked for until now; does not wait.

        On a device that is the host, PyTorch calls at once. It must be short and raise nothing.
        """

    def wait_for_all(self) -> None:
        """Wait for all that was asked for."""

    def copies(self, arrays: Sequence[Any]) -> list[Any]:
        """New arrays with the same values."""

    def copy(self, sources: Sequence[Any], targets: Sequence[Any]) -> None:
        """Overwrite ``targets`` by ``sources`` of the same shapes; values take the targets' types."""

    def cast(self, arrays: Sequence[Any], dtype: str) -> list[Any]:
        """``arrays`` in that type: those that have it already themselves, no copies."""

    def add(self, left: Sequence[Any], right: Sequence[Any], out: Sequence[Any]) -> None:
        """``out = left + right``; it may be either of them."""

    def scaled(
        self, arrays: Sequence[Any], factors: Union[float, Sequence[float]], out: Sequence[Any] = ()
    ) -> Sequence[Any]:
        """The arrays times one number, or each times its own: in ``out``, or new ones."""

    def scale_on_device(self, arrays: Sequence[Any], factors: Any) -> None:
        """Multiply in place by ``factors`` on the device, each by its own (n,) or all by one (1,)."""

    def move_towards(self, arrays: Sequence[Any], others: Sequence[Any], share: float) -> None:
        """``array += share * (other - array)``; the others may be of another type."""

    def clip(self, arrays: Sequence[Any], bound: float) -> None:
        """To -bound .. bound in place; what is not finite becomes NaN, for it must not pass as the bound."""

    def concatenated(self, arrays: Sequence[Any], out: Optional[Any] = None) -> Any:
        """All of them end to end as a vector, in ``out`` if that is given; of any shapes, and of one type."""

    def split(self, flat: Any, targets: Sequence[Any]) -> None:
        """The reverse of `concatenated`: overwrite ``targets`` by the parts of ``flat``."""

    def reversed_order(self, array: Any) -> Any:
        """``array[::-1]``."""

    def where(self, condition: Any, chosen: Any, other: Any) -> Any:
        """By element; the three are of one shape, the condition is a product of comparisons."""

    def minimum(self, left: Any, right: Any) -> Any:
        """By element; NaN if either is. ``right`` may be a number."""

    def maximum(self, left: Any, right: Any) -> Any:
        """By element; NaN if either is. ``right`` may be a number."""

    def take(self, array: Any, places: Any, axis: int) -> Any:
        """Rows (axis 0) or columns (1) of a matrix in the order ``places``, whole numbers of NumPy."""

    def times_transposed(self, left: Any, right: Any) -> Any:
        """``left right^T``, (n, k) and (m, k) to (n, m)."""

    def all_finite(self, arrays: Sequence[Any]) -> bool:
        """Whether all elements of all are finite; waits for the device."""

    def norms(self) -> Norms:
        """A new `Norms`."""

    def bytes_in_use(self, where: Any) -> int:
        """Memory of a GPU that is in use, by whomever."""

    def host_batch(self, shape: Sequence[int], where: Any, dtype: str) -> tuple[Any, NDArray[Any]]:
        """An array in host memory, pinned if it is to go to a GPU, and that memory for NumPy to fill."""

    def normalised(self, batch: Any, mean: Any, scale: Any) -> Any:
        """Bytes (n, height, width, channels) in host memory to ``(x - mean) * scale`` on the device of mean:
        float32 (n, channels, height, width). ``mean`` and ``scale`` are (1, channels, 1, 1).
        """

    def column_sums(self, columns: Sequence[Any]) -> Any:
        """The sum of each of ``columns``, arrays (n,), and n behind them: one float64 array."""

    def call(self, block: Any, *arrays: Any) -> Any:
        """What ``block``, a hybrid block without parameters, makes of ``arrays``, without gradients."""
