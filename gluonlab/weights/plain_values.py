"""Plain values that training scripts keep beside weights: names that a pickle may refer to, never looked up.

What such a name would make is not made: a `Skipped` takes its place, and is refused where a tensor is wanted.
"""

from __future__ import annotations


class Skipped:
    """In the place of a value that nothing here needs; what it was to be made of is dropped."""


def _in(module: str, names: str) -> set[str]:
    return {f"{module} {name}" for name in names.split()}


_BUILTIN = (
    "set frozenset complex bytearray bytes slice range xrange object "
    "int long float bool str unicode list tuple dict"
)
_PATHS = "PosixPath PurePosixPath WindowsPath PureWindowsPath"
_DTYPES = (
    "float16 float32 float64 bfloat16 half float double uint8 int8 int16 int32 int64 short int long bool"
)

PLAIN_NAMES = frozenset(
    _in("builtins", _BUILTIN)
    | _in("__builtin__", _BUILTIN)
    | _in("collections", "Counter defaultdict deque")
    | _in("argparse", "Namespace")
    | _in("types", "SimpleNamespace")
    | _in("_codecs", "encode")
    | _in("copyreg", "_reconstructor")
    | _in("copy_reg", "_reconstructor")
    | _in("datetime", "datetime date time timedelta timezone")
    | _in("decimal", "Decimal")
    | _in("fractions", "Fraction")
    | _in("uuid", "UUID")
    | _in("pathlib", _PATHS)
    | _in("pathlib._local", _PATHS)
    | _in("numpy", "dtype ndarray")
    | _in("numpy.core.multiarray", "scalar _reconstruct")
    | _in("numpy._core.multiarray", "scalar _reconstruct")
    | _in("numpy.core.numeric", "_frombuffer")
    | _in("numpy._core.numeric", "_frombuffer")
    | _in("torch", f"device Tensor strided {_DTYPES}")
    | _in("torch.serialization", "_get_layout")
    | _in("torch.torch_version", "TorchVersion")
)
"""As MODULE NAME. Whoever asks for another name is refused, so that a hostile file is told as one."""
