"""MXNet 1.9.1 under NumPy 2: what it does otherwise than under NumPy 1, put right from outside."""

from __future__ import annotations

import functools
import importlib
import numbers
import struct
from typing import Any

import numpy as np


def adapt_to_numpy_2(mx: Any) -> None:
    """After the import of MXNet, ``mx``, whose files stay as they are."""
    for module, replacement in _WRITERS_OF_PARAMETERS.items():
        vars(importlib.import_module(module))["str"] = replacement  # found before the builtin
    mx.recordio.pack = functools.wraps(mx.recordio.pack)(functools.partial(_pack, mx.recordio))
    mx.recordio.pack_img = functools.wraps(mx.recordio.pack_img)(functools.partial(_pack_img, mx.recordio))
    mx.metric.EvalMetric.__setattr__ = _set_in_float64
    # nd.moveaxis reads it there, and NumPy 2 warns of each name that it looks up there.
    numeric = importlib.import_module("numpy.core.numeric")
    vars(numeric)["normalize_axis_tuple"] = importlib.import_module(
        "numpy.lib.array_utils"
    ).normalize_axis_tuple


def parameter_text(value: Any) -> str:
    """``str(value)`` as under NumPy 1: ``(3,)`` where NumPy 2 has ``(np.int64(3),)``.

    MXNet's C++ reads shapes, axes, rates and decays from this text. NumPy's own option for it
    (``set_printoptions(legacy="1.25")``) does not reach other threads and changes what users print.
    """
    text = str(value)
    if "np." in text and type(value) in (tuple, list):
        return _sequence_text(value)
    return text


def _sequence_text(values: Any) -> str:
    inner = ", ".join(map(_item_text, values))
    if type(values) is list:
        return f"[{inner}]"
    return f"({inner},)" if len(values) == 1 else f"({inner})"


def _item_text(value: Any) -> str:
    if type(value) in (tuple, list):
        return _sequence_text(value)
    return str(value) if isinstance(value, (np.number, np.bool_)) else repr(value)


class _TypeOfText(type):
    def __call__(cls, value: Any) -> str:
        return parameter_text(value)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, str)


class ParameterText(metaclass=_TypeOfText):
    """`parameter_text` for a module that also asks ``isinstance(..., str)``."""


_WRITERS_OF_PARAMETERS = {
    "mxnet._ctypes.ndarray": parameter_text,
    "mxnet._ctypes.symbol": parameter_text,
    "mxnet.io.io": parameter_text,
    "mxnet.symbol.symbol": ParameterText,
}


def _pack(recordio: Any, header: Any, s: bytes) -> bytes:
    """MXNet's function, but for `ndarray.tostring`, which left NumPy in 2.3."""
    header = recordio.IRHeader(*header)
    if isinstance(header.label, numbers.Number):
        header = header._replace(flag=0)
    else:
        label = np.asarray(header.label, dtype=np.float32)
        header = header._replace(flag=label.size, label=0)
        s = label.tobytes() + s
    return struct.pack(recordio._IR_FORMAT, *header) + s


def _pack_img(recordio: Any, header: Any, img: Any, quality: int = 95, img_fmt: str = ".jpg") -> bytes:
    """MXNet's function, but for `ndarray.tostring`."""
    cv2 = recordio.cv2
    setting = {
        ".JPG": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".JPEG": [cv2.IMWRITE_JPEG_QUALITY, quality],
        ".PNG": [cv2.IMWRITE_PNG_COMPRESSION, quality],
    }.get(img_fmt.upper())
    is_encoded, encoded = cv2.imencode(img_fmt, img, setting)
    assert is_encoded, "failed to encode image"
    return bytes(recordio.pack(header, encoded.tobytes()))


def _set_in_float64(metric: Any, name: str, value: Any) -> None:
    """Keep what an ``mx.metric`` adds up in float64.

    A Python number plus np.float32 was np.float64 in NumPy 1, and is np.float32 in NumPy 2 (NEP 50): a sum of
    losses would lose digits, and a perplexity's count of tokens would stand still at 2**24.
    """
    if isinstance(value, (np.float32, np.float16)):
        value = np.float64(value)
    object.__setattr__(metric, name, value)
