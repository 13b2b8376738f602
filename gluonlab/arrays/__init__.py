"""Arithmetic on arrays, by the library that they belong to: what is computed beside a network, once for all.

Functions take and return lists where there are many arrays, for a library may have one call for all of
them. None of them waits for the device unless it says so. Beyond these, code that takes arrays of any
library uses what MXNet's and PyTorch's have in common: ``+ - * /`` and comparisons, in place as well,
``[:] = number``, ``shape``, ``ndim``, ``dtype``, ``reshape``, ``sum``, ``sqrt``, ``T``.
"""

from __future__ import annotations

from typing import Any

from gluonlab.arrays.protocols import Arrays, Norms

__all__ = ["Arrays", "Norms", "is_of_torch", "of", "wait_for_all"]

_HALVES: dict[type, Arrays] = {}


def of(array: Any) -> Arrays:
    """The functions for ``array``, or for a device: those of MXNet or of PyTorch."""
    kind = type(array)
    if kind not in _HALVES:
        _HALVES[kind] = _half_of(kind)
    return _HALVES[kind]


def is_of_torch(array: Any) -> bool:
    """Whether ``array``, or a device, is PyTorch's; does not import it."""
    return _is_of_torch(type(array))


def _is_of_torch(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "torch"


def _half_of(kind: type) -> Arrays:
    if _is_of_torch(kind):
        from gluonlab.arrays import in_torch

        return in_torch
    from gluonlab.arrays import in_mxnet

    return in_mxnet


def wait_for_all() -> None:
    """Wait for all that was asked for of any library."""
    from gluonlab.arrays import in_mxnet

    in_mxnet.wait_for_all()
    for half in set(_HALVES.values()) - {in_mxnet}:
        half.wait_for_all()
