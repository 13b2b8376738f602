"""Names of tensors in other projects, as tables of patterns.

A rule is a pair of patterns, our name and theirs. ``#`` stands for a number and ``*`` for the rest of the
name, in the same order on both sides; the first rule whose left side matches is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gluonlab.errors import ConfigError

Rule = tuple[str, str]

OWN_SOURCE = "gluonlab"
TORCH_NORM_SUFFIXES = {"gamma": "weight", "beta": "bias"}
"""What PyTorch calls the scale and the shift of a BatchNorm."""
UPDATE_COUNTER = "num_batches_tracked"
"""PyTorch's count of updates in each BatchNorm; nothing here depends on it."""
AVERAGE_COUNTER = "n_averaged"
"""PyTorch's count of the weights in an `AveragedModel`, which holds the network as ``module``."""


@dataclass(frozen=True)
class Naming:
    """How ``source`` names the tensors of the models that match one of the patterns ``models``.

    ``rules`` go from our names, with their suffixes, to theirs. ``folded`` are pairs of their names, a bias
    and the running mean of the BatchNorm behind it: subtracting the one from the other leaves the network
    the same, and we have no such bias. ``is_torch`` says that a norm is named as in PyTorch. Our tensors
    that match one of ``as_images`` have two more axes there, of length 1, as a 1x1 convolution has. Their
    tensors that match one of ``unused`` belong to parts that only training uses, and that we do not have.
    """

    source: str
    models: tuple[str, ...]
    rules: tuple[Rule, ...]
    is_torch: bool = False
    folded: tuple[Rule, ...] = ()
    as_images: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    def names(self, model: str) -> bool:
        """Whether this is how ``source`` names the model called ``model``."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def their_name(self, name: str) -> str:
        """What ``source`` calls the tensor that is ``name`` here."""
        name = self._with_their_suffix(name)
        for ours, theirs in self.rules:
            match = re.fullmatch(expression(ours), name)
            if match:
                return fill(theirs, match.groups())
        return name

    def their_shape(self, name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape there of the tensor that is ``name``, of ``shape``, here."""
        is_image = any(re.fullmatch(expression(pattern), name) for pattern in self.as_images)
        return (*shape, 1, 1) if is_image else tuple(shape)

    def leaves_out(self, their_name: str) -> bool:
        """Whether their tensor of that name belongs to a part that we do not have."""
        return any(re.fullmatch(expression(pattern), their_name) for pattern in self.unused)

    def _with_their_suffix(self, name: str) -> str:
        layer, dot, suffix = name.rpartition(".")
        return layer + dot + (TORCH_NORM_SUFFIXES.get(suffix, suffix) if self.is_torch else suffix)


def expression(pattern: str) -> str:
    """The regular expression of what ``pattern`` stands for."""
    return re.escape(pattern).replace(r"\#", r"(\d+)").replace(r"\*", "(.+)")


def fill(pattern: str, parts: Sequence[str]) -> str:
    """``pattern`` with ``parts`` for its numbers and its rest."""
    remaining = iter(parts)
    return re.sub(r"[#*]", lambda _: next(remaining), pattern)


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
