"""Images that are there more than once, found by digests of their bytes: one sort, whatever their number."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.classes import count_of
from gluonlab.data.source import ArraySource, Source

UNKNOWN = 0
"""The digest of an image that nobody has looked at."""


class Part(NamedTuple):
    """Images of a split or file, called ``name``: digests (N,), labels (N,), and where one of them lies."""

    name: str
    digests: NDArray[np.uint64]
    labels: NDArray[np.int64]
    where: Callable[[int], str]


def image_digest(payload: bytes) -> int:
    """64 bits of BLAKE2b: of a million images, two others have the same with a probability of 3e-8."""
    return int.from_bytes(hashlib.blake2b(payload, digest_size=8).digest(), "little") or 1


def part_of(source: Optional[Source], name: str) -> list[Part]:
    """``source`` as a part; none if its images have no digests."""
    if source is None:
        return []
    digests: Optional[NDArray[np.uint64]] = getattr(source, "digests", None)
    if digests is None and isinstance(source, ArraySource):
        content = (source.image(index).tobytes() for index in range(len(source)))
        digests = np.fromiter(map(image_digest, content), np.uint64, len(source))
    return [] if digests is None else [Part(name, digests, source.labels, source.where)]


def tell_repeats(parts: Sequence[Part]) -> list[str]:
    """Lines, each with a count and two names, on images in two parts, in two classes, or there twice.

    Labels are compared within a part only, as each may number its classes by itself.
    """
    place, first, first_in_part = _repeated([part.digests for part in parts])
    ends = np.cumsum([len(part.digests) for part in parts])
    labels = np.concatenate([part.labels for part in parts]) if parts else np.empty(0, np.int64)
    number, first_number = (np.searchsorted(ends, each, side="right") for each in (place, first))
    has_other_class = labels[place] != labels[first_in_part]

    def lies(place: int, part: int) -> str:
        return parts[part].where(place - int(ends[part]) + len(parts[part].digests))

    def tell(chosen: NDArray[np.bool_], others: NDArray[np.int64], what: str) -> list[str]:
        """A line for each pair of parts that ``chosen`` images and the ``others`` like them are in."""
        lines, pairs = [], number * len(parts) + np.searchsorted(ends, others, side="right")
        for pair in np.unique(pairs[chosen]).tolist():
            mine, its = divmod(pair, len(parts))
            of_pair = np.flatnonzero(chosen & (pairs == pair))
            one = of_pair[np.argmin(place[of_pair])]
            count = f"{len(of_pair):,} of {count_of(len(parts[mine].digests), 'image')} of {parts[mine].name}"
            names = f"{lies(int(others[one]), its)} and {lies(int(place[one]), mine)}"
            lines.append(f"{count} {what.format(parts[its].name)}, such as {names}")
        return lines

    return [
        *tell(number != first_number, first, "are in {} too"),
        *tell(has_other_class, first_in_part, "are in another class as well"),
        *tell((place != first_in_part) & ~has_other_class, first_in_part, "come a second time"),
    ]


def _repeated(digests: Sequence[NDArray[np.uint64]]) -> tuple[NDArray[np.int64], ...]:
    """Images that are not alone with their digest, the first one like each, and the first in the same part.

    All are places, (N,), counted over all parts laid end to end.
    """
    every = np.concatenate(digests) if digests else np.empty(0, np.uint64)
    order = np.argsort(every, kind="stable")
    ordered = every[order]
    is_like_last = np.append(False, (ordered[1:] == ordered[:-1]) & (ordered[1:] != UNKNOWN))[: len(every)]
    is_repeated = is_like_last | np.append(is_like_last[1:], False)[: len(every)]
    place = order[is_repeated]
    begins = ~is_like_last[is_repeated]
    number = np.searchsorted(np.cumsum([len(each) for each in digests]), place, side="right")
    begins_part = begins | (np.diff(number, prepend=-1) != 0)
    return place, place[begins][np.cumsum(begins) - 1], place[begins_part][np.cumsum(begins_part) - 1]
