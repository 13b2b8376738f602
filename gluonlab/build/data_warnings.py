"""What is odd about data sets, though a run can be made of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Union

from gluonlab.build.data import DataSets
from gluonlab.data.classes import classes_of, tell_missing
from gluonlab.data.duplicates import part_of, tell_repeats
from gluonlab.data.sections.base import DataSection
from gluonlab.data.sections.files import FilesSection
from gluonlab.data.source import Source


def data_warnings(data: DataSection, sets: DataSets) -> list[str]:
    """A line for each doubt about the data: missing classes, unread records, images that come twice."""
    if sets.train is None or sets.val is None:
        return []
    return [
        *tell_missing(sets.train, data.classes, "training"),
        *class_warnings(sets.val, data.classes, sets.class_names),
        *(line for source in (sets.train, sets.val) for line in getattr(source, "warnings", ())),
        *_repeats(data, sets),
    ]


def _repeats(data: DataSection, sets: DataSets) -> list[str]:
    """Images that are there more than once: by their digests, so far as verification found them."""
    if not isinstance(data, FilesSection):
        return []
    parts = part_of(sets.train, "training")
    if _is_same_place(data.train, data.val):
        return [f"data.val is data.train, {data.val}: no image is new to validation", *tell_repeats(parts)]
    return tell_repeats(parts + part_of(sets.val, "validation"))


def _is_same_place(one: Union[str, list[str]], other: Union[str, list[str]]) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return os.path.realpath(one) == os.path.realpath(other)
    return one == other


def class_warnings(val: Source, classes: int, class_names: Sequence[str]) -> list[str]:
    """About the classes of a validation set; ``class_names`` are what training calls its ``classes``."""
    warnings = tell_missing(val, classes, "validation")
    if bool(class_names) != bool(classes_of(val)):
        nameless, other = ("validation", "training") if class_names else ("training", "validation")
        warnings.append(
            f"{nameless} data have no class names, {other} data have: labels are taken as they are"
        )
    return warnings
