"""What tells one data set from another: how many images of which class, labels in order, bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Optional

import numpy as np

from gluonlab.data.classes import SHOWN, count_of
from gluonlab.data.source import ChecksummedSource, Source

PARTS = 64
"""A data set is compared in so many parts, each with a checksum over those of its images."""

Identity = dict[str, Any]


def identity_of(source: Optional[Source]) -> Identity:
    """JSON data that changes with the samples of ``source``; empty for synthetic data, which has none.

    Nothing is read again: record files and folders bring the checksums of their verification, and a million
    of them take less than 0.1 s. ``parts`` are missing where a source knows none.
    """
    if source is None:
        return {}
    labels = source.labels.astype("<i8")
    parts = _parts(source) if isinstance(source, ChecksummedSource) else None
    return {
        "name": source.name,
        "images": len(source),
        "images_of_classes": np.bincount(labels[labels >= 0]).tolist(),
        "labels": hashlib.sha256(labels.tobytes()).hexdigest()[:16],
        **({"parts": parts} if parts else {}),
    }


def differences(was: Identity, now: Identity, class_names: Sequence[str] = ()) -> list[str]:
    """How two identities differ, in words, so far as both tell; none if they are the same."""
    found = []
    if "images" in was and "images" in now and was["images"] != now["images"]:
        found.append(f"was {was['images']:,} images, now {now['images']:,}")
    if "images_of_classes" in was and "images_of_classes" in now:
        found += _some(_class_differences(was["images_of_classes"], now["images_of_classes"], class_names))
    if found:
        return found
    if "labels" in was and "labels" in now and was["labels"] != now["labels"]:
        return ["has its labels in another order" if "images" in was else "has other labels"]
    if "parts" in was and "parts" in now and was["parts"] != now["parts"]:
        return [_other_images(was, now)]
    return []


def name_differences(was: Sequence[str], now: Sequence[str]) -> list[str]:
    """How the names of classes differ, in words; none where one of both is not known."""
    if not was or not now:
        return []
    pairs = enumerate(zip_longest(was, now))
    return _some(
        f"class {label} was {_named(old)}, now {_named(new)}" for label, (old, new) in pairs if old != new
    )


def _parts(source: ChecksummedSource) -> Optional[list[str]]:
    bounds = _bounds(len(source))
    sums = [source.checksum(start, stop) for start, stop in zip(bounds, bounds[1:])]
    return None if None in sums else [f"{each:08x}" for each in sums]


def _bounds(images: int) -> list[int]:
    bounds: list[int] = np.linspace(0, images, min(PARTS, images) + 1).astype(int).tolist()
    return bounds


def _class_differences(was: list[int], now: list[int], class_names: Sequence[str]) -> Iterator[str]:
    for label, (before, after) in enumerate(zip_longest(was, now, fillvalue=0)):
        if before != after:
            name = class_names[label] if label < len(class_names) else label
            yield f"class {name!r} had {before:,}, has {after:,}"


def _other_images(was: Identity, now: Identity) -> str:
    bounds = _bounds(now["images"])
    other = [part for part, pair in enumerate(zip(was["parts"], now["parts"])) if pair[0] != pair[1]]
    first, last = (bounds[other[0]], bounds[other[0] + 1] - 1) if other else (0, now["images"] - 1)
    where = f"image {first}" if first == last else f"images {first} to {last}"
    return (
        f"has other images behind the same {now['images']:,} labels: {len(other)} of "
        f"{count_of(len(now['parts']), 'part')} of {now['name']} differ, the first holds {where}"
    )


def _some(lines: Iterator[str]) -> list[str]:
    every = list(lines)
    return every if len(every) <= SHOWN else [*every[:SHOWN], f"and {len(every) - SHOWN:,} more"]


def _named(name: Optional[str]) -> str:
    return "not there" if name is None else repr(name)
