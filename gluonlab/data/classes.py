"""One table of classes for all splits of a data set: that of training, which the others meet by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from pathlib import Path
from typing import Protocol, TypeVar, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.source import Source
from gluonlab.disk import reading
from gluonlab.errors import DataError

SHOWN = 5
"""Names in one message."""
NO_CLASS = -1


class NamedSource(Protocol):
    """A source that says what its labels are called; ``classes`` is empty where it does not know."""

    name: str
    labels: NDArray[np.int64]
    classes: tuple[str, ...]


NamedType = TypeVar("NamedType", bound=NamedSource)


def classes_of(source: object) -> tuple[str, ...]:
    """The names of the classes of a source, in the order of its labels; () where it does not tell them."""
    return tuple(getattr(source, "classes", ()))


def numbered_by(table: Sequence[str], source: NamedType) -> NamedType:
    """``source`` with the labels that its classes have in ``table``; as it is where one of both has no names.

    A label that is beyond the names of ``source`` becomes `NO_CLASS`. Raises DataError DAT14, naming the
    classes that have an image and are not in ``table``.
    """
    if not table or not source.classes or source.classes == tuple(table):
        return source
    ranks = {name: rank for rank, name in enumerate(table)}
    present = np.unique(source.labels)
    unknown = [name for label, name in enumerate(source.classes) if name not in ranks and label in present]
    if unknown:
        raise DataError(
            "DAT14",
            source.name,
            f"{count_of(len(unknown), 'class')} that training has not: {name_some(unknown)}",
            f"training has {name_some(table)}",
        )
    number = np.array([ranks.get(name, NO_CLASS) for name in source.classes], np.int64)
    is_named = (source.labels >= 0) & (source.labels < len(number))
    renumbered = copy(source)
    renumbered.labels = np.where(is_named, number[np.where(is_named, source.labels, 0)], NO_CLASS)
    renumbered.classes = tuple(table)
    return renumbered


def read_class_names(path: Union[str, Path]) -> tuple[str, ...]:
    """Names of classes, one a line, in the order of their labels. Raises DataError DAT01, DAT42."""
    if not Path(path).is_file():
        raise DataError("DAT01", str(path), "no such file")
    with reading(path):
        lines = Path(path).read_text("utf-8-sig", errors="replace").split("\n")
    names = [line.strip() for line in lines]
    while names and not names[-1]:
        names.pop()
    check_class_names(names, str(path))
    return tuple(names)


def check_class_names(names: Sequence[str], where: str) -> None:
    """Raises DataError DAT42 unless each of ``names`` is a line of its own."""
    if not names or not all(name.strip() for name in names) or len(set(names)) != len(names):
        raise DataError("DAT42", where, "class names must be there, not empty and different")
    broken = [name for name in names if "\n" in name or "\r" in name]
    if broken:
        raise DataError("DAT42", where, f"class name {broken[0]!r} has a line break")


def classes_without_image(source: Source, classes: int) -> list[str]:
    """Those of the ``classes`` that no image of ``source`` has: names, or numbers where there are none."""
    names = classes_of(source)
    counts = np.bincount(source.labels[source.labels >= 0], minlength=classes)[:classes]
    return [names[label] if label < len(names) else str(label) for label in np.flatnonzero(counts == 0)]


def tell_missing(source: Source, classes: int, split: str) -> list[str]:
    """A line about the classes of which ``split`` has no image, if there are any."""
    missing = classes_without_image(source, classes)
    if not missing:
        return []
    return [f"no {split} image of {count_of(len(missing), 'class')} of {classes:,}: {name_some(missing)}"]


def name_some(names: Iterable[str]) -> str:
    """The first five, and how many more there are."""
    every = list(names)
    more = f" and {len(every) - SHOWN} more" if len(every) > SHOWN else ""
    return ", ".join(every[:SHOWN]) + more


def count_of(number: int, what: str) -> str:
    """``1 class``, ``2 classes``, ``3 images``."""
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{number:,} {what if number == 1 else plural}"
