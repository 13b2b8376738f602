"""Files that hold weights and the average of weights: what is in them, and which is taken.

The average is taken unless the other is asked for, in timm's order of keys, and what was taken is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Optional, cast

from gluonlab.errors import ConfigError
from gluonlab.weights.naming import AVERAGE_COUNTER

Which = Literal["raw", "average"]

AVERAGE_KEYS = ("state_dict_ema", "model_ema", "ema_state_dict")
"""Where timm, torchvision and others keep the average; other keys with a word for it come behind."""
AVERAGE_WORDS = {"ema", "swa", "avg", "average", "averaged", "shadow"}
NESTED = ("state_dict", "model", "model_state_dict", "module", "net", "network", "params")
"""Where training scripts keep the dictionary of tensors in a larger one."""
NESTED_IN_AVERAGES = (*NESTED, "ema_model", "shadow")
DEEPEST = 8

Values = Mapping[Any, Any]
IsTensor = Callable[[Any], bool]


class AbsentError(Exception):
    """A file does not hold the weights that were asked for."""


@dataclass(frozen=True)
class Taken:
    """What was taken of a file: weights or their average, which stood under ``key``.

    ``other`` is where the other ones are, ``unnamed`` where there is an average of tensors without names.
    """

    kind: Which = "raw"
    key: str = ""
    other: str = ""
    unnamed: str = ""

    @property
    def is_told(self) -> bool:
        """Whether there was something to choose, or the average is all there is."""
        return self.kind == "average" or bool(self.other or self.unnamed)

    def __str__(self) -> str:
        names = {"raw": "the weights", "average": "the average of the weights"}
        text = names[self.kind] + (f" ({self.key})" if self.key else "")
        if self.other:
            text += f", not {names['average' if self.kind == 'raw' else 'raw']} ({self.other})"
        return text + (f"; the average in {self.unnamed} has no names" if self.unnamed else "")


ALL_THERE_IS = Taken()
"""Weights where no average is."""


@dataclass(frozen=True)
class _Found:
    kind: Which
    key: str
    tensors: Values


def check_which(which: Optional[str]) -> Optional[Which]:
    """``which`` of the weights; raises `ConfigError` CFG09 if there is no such choice."""
    if which not in (None, "raw", "average"):
        raise ConfigError("CFG09", f"--weights {which}", "is not known", "known are raw, average")
    return cast(Optional[Which], which)


def take(values: Values, which: Optional[Which], is_tensor: IsTensor) -> tuple[Values, Taken]:
    """The dictionary of tensors in ``values``, which may be one or hold several, and what it is.

    Without ``which``, it is the average if there is one. It may hold other things beside tensors.

    Raises:
        AbsentError: there are no such weights.
    """
    levels = list(_levels(values, NESTED))
    averages, unnamed = _averages(levels, is_tensor)
    key, innermost = levels[-1]
    found = [*averages]
    if not averages or any(map(is_tensor, innermost.values())):
        found += _parts(key, innermost, any(AVERAGE_COUNTER in level for _, level in levels))
    for chosen in found:
        if which in (None, chosen.kind):
            other = next((item.key or "the rest" for item in found if item.kind != chosen.kind), "")
            is_passed_over = bool(unnamed) and not averages
            return chosen.tensors, Taken(chosen.kind, chosen.key, other, unnamed if is_passed_over else "")
    if which == "raw":
        raise AbsentError(f"holds an average of weights alone{f', {found[0].key}' if found[0].key else ''}")
    more = f" by names: the one in {unnamed} has none" if unnamed else ""
    raise AbsentError(f"holds no average of weights{more}")


def _levels(values: Values, keys: tuple[str, ...]) -> Iterator[tuple[str, Values]]:
    """``values`` and what is nested in it, each with its key, from outside to inside."""
    path = ""
    for _ in range(DEEPEST):
        yield path, values
        key = next((key for key in keys if type(values.get(key)) is dict), None)
        if key is None:
            return
        path, values = _join(path, key), values[key]


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _averages(levels: list[tuple[str, Values]], is_tensor: IsTensor) -> tuple[list[_Found], str]:
    """The averages of tensors by names, timm's first; and the key of one without names."""
    found: list[_Found] = []
    unnamed = ""
    for path, level in levels:
        for key, inner in level.items():
            if type(inner) is not dict or not _says_average(key):
                continue
            *_, (below, tensors) = _levels(inner, NESTED_IN_AVERAGES)
            if tensors and all(map(is_tensor, tensors.values())):
                found.append(_Found("average", _join(path, _join(key, below) if below else key), tensors))
            elif any(_holds_tensors(item, is_tensor) for item in inner.values()):
                unnamed = _join(path, key)
    return sorted(found, key=lambda item: _rank(item.key)), unnamed


def _says_average(key: Any) -> bool:
    return isinstance(key, str) and not AVERAGE_WORDS.isdisjoint(re.split(r"[^a-z0-9]+", key.lower()[:200]))


def _rank(key: str) -> int:
    return AVERAGE_KEYS.index(key) if key in AVERAGE_KEYS else len(AVERAGE_KEYS)


def _holds_tensors(item: Any, is_tensor: IsTensor) -> bool:
    return type(item) in (list, tuple) and any(map(is_tensor, item))


def _parts(key: str, tensors: Values, is_average: bool) -> list[_Found]:
    """``tensors`` as one part; as two, if names behind a word for an average are those of the others."""
    names = [name for name in tensors if isinstance(name, str)]
    for prefix in sorted({name.partition(".")[0] for name in names}):
        if not _says_average(prefix):
            continue
        again = [name for name in names if name.startswith(f"{prefix}.")]
        others = [name for name in names if not name.startswith(f"{prefix}.")]
        bare = {_without(name, f"{prefix}.", "module.") for name in again} - {AVERAGE_COUNTER}
        if bare and (bare <= set(others) or bare <= {name.partition(".")[2] for name in others}):
            average = {name: tensors[name] for name in again}
            rest = {name: tensor for name, tensor in tensors.items() if name not in average}
            return [_Found("average", _join(key, f"{prefix}.*"), average), _Found("raw", key, rest)]
    is_average = is_average or any(name.rpartition(".")[2] == AVERAGE_COUNTER for name in names)
    return [_Found("average" if is_average else "raw", key, tensors)]


def _without(name: str, *prefixes: str) -> str:
    for prefix in prefixes:
        name = name[len(prefix) :] if name.startswith(prefix) else name
    return name
