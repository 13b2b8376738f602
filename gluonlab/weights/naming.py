"""Names of tensors in other projects, as tables of patterns, and whether a file fits a net by them.

A rule is a pair of patterns, our name and theirs. ``#`` stands for a number and ``*`` for the rest of the
name, in the same order on both sides; the first rule whose left side matches is taken.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.checkpoint.tensors import Tensors
from gluonlab.errors import CheckpointError, ConfigError, Problem

Rule = tuple[str, str]
Shapes = Mapping[str, tuple[int, ...]]

OWN_SOURCE = "gluonlab"
TORCH_NORM_SUFFIXES = {"gamma": "weight", "beta": "bias"}
"""What PyTorch calls the scale and the shift of a BatchNorm."""
UPDATE_COUNTER = "num_batches_tracked"
"""PyTorch's count of updates in each BatchNorm; nothing here depends on it."""


@dataclass(frozen=True)
class Naming:
    """How ``source`` names the tensors of the models that match one of the patterns ``models``.

    ``rules`` go from our names to theirs. ``folded`` are pairs of their names, a bias and the running mean
    of the BatchNorm behind it: subtracting the one from the other leaves the network the same, and we have
    no such bias. ``is_torch`` says that a BatchNorm is named as in PyTorch.
    """

    source: str
    models: tuple[str, ...]
    rules: tuple[Rule, ...]
    is_torch: bool = False
    folded: tuple[Rule, ...] = ()

    def names(self, model: str) -> bool:
        """Whether this is how ``source`` names the model called ``model``."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def their_name(self, name: str) -> str:
        """What ``source`` calls the tensor that is ``name`` here."""
        for ours, theirs in self.rules:
            match = re.fullmatch(_expression(ours), name)
            if match:
                return self._with_their_suffix(_fill(theirs, match.groups()))
        return self._with_their_suffix(name)

    def _with_their_suffix(self, name: str) -> str:
        layer, dot, suffix = name.rpartition(".")
        return layer + dot + (TORCH_NORM_SUFFIXES.get(suffix, suffix) if self.is_torch else suffix)


def _expression(pattern: str) -> str:
    return re.escape(pattern).replace(r"\#", r"(\d+)").replace(r"\*", "(.+)")


def _fill(pattern: str, parts: Sequence[str]) -> str:
    remaining = iter(parts)
    return re.sub(r"[#*]", lambda _: next(remaining), pattern)


def fit(
    tensors: Tensors, shapes: Shapes, namings: Sequence[Naming], where: str, head: Collection[str] = ()
) -> tuple[Tensors, Naming]:
    """``tensors`` by our names as float32, and the naming of ``namings`` that they are called by.

    ``shapes`` are those of the net, by our names. A tensor of ``head`` that has another shape in the file,
    for it is for other classes, is left out.

    Raises:
        CheckpointError: CKP06, for the naming that comes nearest: each tensor that is missing, that the
            net does not have, or that has another shape or no real numbers.
    """
    problems: list[Problem] = []
    for naming in namings:
        fitted, found = _fit_one(tensors, shapes, naming, where, head)
        if not found:
            return fitted, naming
        if not problems or len(found) < len(problems):
            problems = found
    raise CheckpointError.from_problems(problems)


def _fit_one(
    tensors: Tensors, shapes: Shapes, naming: Naming, where: str, head: Collection[str]
) -> tuple[Tensors, list[Problem]]:
    tensors = _fold_biases(tensors, naming.folded)
    their_names = {name: naming.their_name(name) for name in shapes}
    for ours in head:
        array = tensors.get(their_names[ours])
        if array is not None and array.shape != tuple(shapes[ours]):
            del tensors[their_names.pop(ours)]
    place = where if naming.source == OWN_SOURCE else f"{where} ({naming.source} names)"
    problems = [
        Problem("CKP06", place, f"tensor {name} {what}")
        for ours, name in their_names.items()
        if (what := _misfit(tensors.get(name), shapes[ours], ours))
    ]
    for name in tensors.keys() - set(their_names.values()):
        if not name.endswith(UPDATE_COUNTER):
            problems.append(Problem("CKP06", place, f"tensor {name} is not in the model"))
    if problems:
        return {}, sorted(problems, key=lambda problem: problem.what)
    return {ours: tensors[name].astype(np.float32) for ours, name in their_names.items()}, []


def _misfit(array: Optional[NDArray[Any]], shape: tuple[int, ...], ours: str) -> str:
    if array is None:
        return "is missing"
    if array.dtype.kind != "f":
        return f"has type {array.dtype}, real numbers are expected"
    if array.shape != tuple(shape):
        return f"has shape {array.shape}, in the model {tuple(shape)}"
    if ours.endswith("running_var") and (array < 0).any():
        return "holds a variance below zero"
    return ""


def _fold_biases(tensors: Tensors, folded: Sequence[Rule]) -> Tensors:
    tensors = dict(tensors)
    for bias, mean in folded:
        for name in [name for name in tensors if re.fullmatch(_expression(bias), name)]:
            match = re.fullmatch(_expression(bias), name)
            assert match is not None
            target = _fill(mean, match.groups())
            if target in tensors and tensors[target].shape == tensors[name].shape:
                tensors[target] = tensors[target] - tensors.pop(name)
    return tensors


def namings_of(model: str, namings: Sequence[Naming]) -> list[Naming]:
    """The namings declared for ``model``."""
    return [naming for naming in namings if naming.names(model)]


def naming_of(model: str, source: str, namings: Sequence[Naming]) -> Naming:
    """How ``source`` names ``model``; raises `ConfigError` CFG76 where that is not declared."""
    for naming in namings_of(model, namings):
        if naming.source == source:
            return naming
    known = sorted({pattern for naming in namings if naming.source == source for pattern in naming.models})
    raise ConfigError("CFG76", model, f"has no names of {source}", f"declared are {', '.join(known)}")
