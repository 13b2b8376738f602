"""Whether the tensors of a file are those of a network, by one of the namings it is known under."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.checkpoint.tensors import Tensors, misfit
from gluonlab.weights.naming import (
    AVERAGE_COUNTER,
    OWN_SOURCE,
    UPDATE_COUNTER,
    Naming,
    Rule,
    expression,
    fill,
)
from gluonlab.weights.position_embedding import is_resampled, resample
from gluonlab.weights.which import ALL_THERE_IS, Taken

Shapes = Mapping[str, tuple[int, ...]]


MOST_WRAPPERS = 4


@dataclass(frozen=True)
class Fitted:
    """The tensors of a network by our names, as float32.

    ``names`` says how the file calls them, ``prefix`` is what stood before each of its names, ``taken`` which
    of the weights in the file they are, ``resampled`` which were made for another size of images.
    """

    tensors: Tensors
    names: str
    prefix: str = ""
    taken: Taken = ALL_THERE_IS
    resampled: tuple[str, ...] = ()


def fit(
    tensors: Tensors, shapes: Shapes, namings: Sequence[Naming], where: str, head: Collection[str] = ()
) -> Fitted:
    """``tensors`` by our names, by the first of ``namings`` that all of them are called by.

    ``shapes`` are those of the net, by our names. A tensor of ``head`` that has another shape in the file,
    for it is for other classes, is left out. What stands before all names, as wrappers of networks put it
    there (``module.``, ``_orig_mod.``, ``backbone.``), is taken off if then all fits. Position embeddings of
    another grid are resampled.

    Raises:
        CheckpointError: CKP06, for the naming that comes nearest: the first tensors that are missing, that
            the net does not have, or that have another shape or no real numbers, and how many there are.
    """
    nearest: Optional[tuple[str, dict[str, str]]] = None
    for prefix, stripped in _without_shared_prefixes(tensors):
        for naming in namings:
            fitted, misfits = _fit_one(stripped, shapes, naming, head)
            if not misfits:
                return _resampled(Fitted(fitted, naming.source, prefix), shapes)
            if nearest is None or len(misfits) < len(nearest[1]):
                nearest = _place(where, naming, prefix), misfits
    assert nearest is not None, "there is a naming"
    raise misfit(*nearest)


def _resampled(fitted: Fitted, shapes: Shapes) -> Fitted:
    """``fitted`` with position embeddings for the images of the net."""
    names = tuple(name for name, array in fitted.tensors.items() if array.shape != tuple(shapes[name]))
    again = {name: resample(fitted.tensors[name], shapes[name][1]) for name in names}
    return replace(fitted, tensors={**fitted.tensors, **again}, resampled=names)


def _without_shared_prefixes(tensors: Tensors) -> Iterator[tuple[str, Tensors]]:
    """``tensors`` as they are, then without the first part that all names share, then without the second."""
    prefix = ""
    yield prefix, tensors
    for _ in range(MOST_WRAPPERS):
        tensors = {name: array for name, array in tensors.items() if name != AVERAGE_COUNTER}
        parts = {name.partition(".")[:2] for name in tensors}
        if len(parts) != 1 or ("", ".") in parts or any(not dot for _, dot in parts):
            return
        first = "".join(parts.pop())
        prefix += first
        tensors = {name[len(first) :]: array for name, array in tensors.items()}
        yield prefix, tensors


def _place(where: str, naming: Naming, prefix: str) -> str:
    notes = [f"{naming.source} names"] if naming.source != OWN_SOURCE else []
    notes += [f"without {prefix}"] if prefix else []
    return f"{where} ({', '.join(notes)})" if notes else where


def _fit_one(
    tensors: Tensors, shapes: Shapes, naming: Naming, head: Collection[str]
) -> tuple[Tensors, dict[str, str]]:
    """What fits, and what is wrong with each tensor that does not, by the names in the file."""
    tensors = _fold_biases(tensors, naming.folded)
    their_names = {name: naming.their_name(name) for name in shapes}
    for ours in head:
        array = tensors.get(their_names[ours])
        if array is not None and array.shape != naming.their_shape(ours, shapes[ours]):
            del tensors[their_names.pop(ours)]
    misfits = {
        name: what
        for ours, name in their_names.items()
        if (what := _misfit(tensors.get(name), naming.their_shape(ours, shapes[ours]), ours))
    }
    for name in tensors.keys() - set(their_names.values()):
        if not name.endswith(UPDATE_COUNTER) and not naming.leaves_out(name):
            misfits[name] = "is not in the model"
    if misfits:
        return {}, misfits
    arrays = {ours: tensors[name].astype(np.float32) for ours, name in their_names.items()}
    for ours, array in arrays.items():
        if naming.their_shape(ours, shapes[ours]) == array.shape:  # position embeddings of another grid stay
            arrays[ours] = array.reshape(shapes[ours])
    return arrays, {}


def _misfit(array: Optional[NDArray[Any]], shape: tuple[int, ...], ours: str) -> str:
    if array is None:
        return "is missing"
    if array.dtype.kind != "f":
        return f"has type {array.dtype} instead of real numbers"
    if array.shape != tuple(shape) and not is_resampled(ours, array.shape, tuple(shape)):
        return f"has shape {array.shape} instead of {tuple(shape)}"
    if ours.endswith("running_var") and (array < 0).any():
        return "holds a variance below zero"
    return ""


def _fold_biases(tensors: Tensors, folded: Sequence[Rule]) -> Tensors:
    tensors = dict(tensors)
    for bias, mean in folded:
        for name in [name for name in tensors if re.fullmatch(expression(bias), name)]:
            match = re.fullmatch(expression(bias), name)
            assert match is not None
            target = fill(mean, match.groups())
            if target in tensors and tensors[target].shape == tensors[name].shape:
                tensors[target] = tensors[target] - tensors.pop(name)
    return tensors
