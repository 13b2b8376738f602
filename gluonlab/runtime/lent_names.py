"""What MXNet 1.9.1 reads on ``numpy`` and in ``distutils``, and newer NumPy and Python have no more.

It is lent for MXNet's import and taken back, so that no other package takes NumPy 2 for NumPy 1. Only what
MXNet reads later stays.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np


def _alias(function: Any) -> Callable[..., Any]:
    """Of its own identity, for MXNet's table of operators has one entry for each function of NumPy."""
    return lambda *arguments, **named: function(*arguments, **named)


def _left_numpy(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"{name} left NumPy in version 1.20 (NEP 32); numpy-financial has it")

    return refuse


_READ_BY_THE_IMPORT: dict[str, Any] = {
    # numpy/utils.py
    "PZERO": 0.0,
    "NZERO": -0.0,
    "PINF": np.inf,
    "NINF": -np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    # numpy/fallback.py
    "alltrue": _alias(np.all),
    "in1d": _alias(np.isin),
    "msort": lambda array: np.sort(array, axis=0),
    "trapz": _alias(getattr(np, "trapezoid", None)),
    **{name: _left_numpy(name) for name in ("mirr", "npv", "pmt", "ppmt", "pv", "rate")},
    # numpy_dispatch_protocol.py
    "sometrue": _alias(np.any),
    "round_": _alias(np.around),
    "product": _alias(np.prod),
}

_READ_LATER: dict[str, Any] = {
    "bool": bool,  # in many places; NumPy 2 has it again
    "int": int,  # test_utils.verify_generator
    "Inf": np.inf,  # in functions of gluon/contrib/estimator/event_handler.py
    "compat": SimpleNamespace(basestring=str),  # mx.np.pad
}


@contextmanager
def lent_numpy_names() -> Iterator[None]:
    """Within, ``import mxnet`` finds what it reads on ``numpy``."""
    # Asked of vars, for NumPy 1.20 to 1.23 have bool and int elsewhere and warn when they are read.
    lent = [name for name in _READ_BY_THE_IMPORT if name not in vars(np)]
    for name in lent:
        setattr(np, name, _READ_BY_THE_IMPORT[name])
    for name, value in _READ_LATER.items():
        if name not in vars(np):
            setattr(np, name, value)
    try:
        yield
    finally:
        for name in lent:
            delattr(np, name)


@contextmanager
def lent_distutils() -> Iterator[None]:
    """Within, ``import mxnet`` finds ``distutils``, which left Python in 3.12.

    setuptools would bring it back, but may be missing, and takes longer to import than it is worth.
    """
    version = ModuleType("distutils.version")
    vars(version).update(StrictVersion=Version, LooseVersion=Version)
    modules = {"distutils": ModuleType("distutils"), "distutils.version": version}
    if sys.version_info < (3, 12) or "distutils" in sys.modules:
        modules = {}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del sys.modules[name]


class Version:
    """The first two numbers of a version, which is as far as MXNet compares those of NumPy."""

    def __init__(self, text: str) -> None:
        self._numbers = [int(number) for number in re.findall(r"\d+", text)[:2]]

    def __ge__(self, other: Version) -> bool:
        return self._numbers >= other._numbers
