"""What a verification found, kept beside the file: where each record lies, its checksum, label and size."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Optional

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from gluonlab.data.array_file import save_arrays
from gluonlab.data.duplicates import UNKNOWN
from gluonlab.data.image_limits import ImageLimits
from gluonlab.data.recordio import RecordTable
from gluonlab.errors import Problem

SUFFIX = ".verified.safetensors"
_FORMATS = ("gluonlab verified index 1", "gluonlab verified index 2")
"""The first has no digests of images; it is read, as making it again takes long for a large set."""


@dataclass(frozen=True)
class Records:
    """One entry for each record, good or bad, in arrays of one length N."""

    offsets: NDArray[np.int64]  # byte of the file; 0 for images in files of their own
    sizes: NDArray[np.uint32]  # bytes from one record to the next
    crcs: NDArray[np.uint32]  # CRC-32 of the payload
    labels: NDArray[np.int32]
    heights: NDArray[np.uint32]  # of the image, in pixels
    widths: NDArray[np.uint32]
    digests: NDArray[np.uint64]  # of the image file, see `duplicates`; 0 where it is not known

    def __len__(self) -> int:
        return len(self.offsets)


DTYPES = {
    "offsets": np.int64,
    "sizes": np.uint32,
    "crcs": np.uint32,
    "labels": np.int32,
    "heights": np.uint32,
    "widths": np.uint32,
    "digests": np.uint64,
}


@dataclass(frozen=True)
class VerifiedIndex:
    """``records``, and what is wrong with those in ``bad``, by record number.

    ``identity`` tells the file or folder it was made from (JSON data), ``sha256`` its whole content. A shard
    may name its ``classes``, and have its images in a file of their own, of ``unpacked`` bytes, in the cache.
    """

    records: Records
    bad: dict[int, Problem]
    identity: dict[str, Any]
    sha256: str
    classes: tuple[str, ...] = ()
    unpacked: int = 0

    def save(self, path: Path) -> None:
        """Write it under its name only when it is whole."""
        bad = [[number, p.code, p.where, p.what] for number, p in sorted(self.bad.items())]
        metadata = {
            "format": _FORMATS[-1],
            "identity": json.dumps(self.identity),
            "sha256": self.sha256,
            "bad": json.dumps(bad),
            "classes": json.dumps(self.classes),
            "unpacked": str(self.unpacked),
        }
        arrays = {field.name: getattr(self.records, field.name) for field in fields(Records)}
        save_arrays(path, arrays, metadata)

    def is_of(self, identity: dict[str, Any]) -> bool:
        """Whether it was made from the file or folder of this ``identity``, whatever index that has now."""
        return {**self.identity, "index": None} == {**identity, "index": None}

    def lists_as(self, identity: dict[str, Any]) -> bool:
        """Whether the text index of a record file lists what it did, or is gone and listed all."""
        was, now = (each.get("index") for each in (self.identity, identity))
        if was is None or now is None:  # an older version did not note it
            return was is None or int(self.records.sizes.sum(dtype=np.int64)) == identity["size"]
        return bool(was == now)

    def has_images_of(self, data: Path) -> bool:
        """Whether the images of ``data`` are there: in it, or unpacked in the cache of this machine."""
        place = unpacked_path(data)
        return self.unpacked == 0 or (place.is_file() and place.stat().st_size == self.unpacked)

    @property
    def table(self) -> RecordTable:
        """What a reader of the record file needs."""
        offsets = self.records.offsets
        return RecordTable(offsets, offsets + self.records.sizes, self.records.crcs)

    def too_large(self, limits: ImageLimits) -> dict[int, str]:
        """What is wrong with the records that are beyond ``limits``, by number."""
        records = self.records
        pixels = records.heights.astype(np.int64) * records.widths
        beyond = (pixels > limits.max_pixels) | (records.sizes > limits.max_bytes)
        return {
            number: limits.refuse_bytes(int(records.sizes[number]))
            or str(limits.refuse_pixels(int(records.heights[number]), int(records.widths[number])))
            for number in np.flatnonzero(beyond).tolist()
        }

    @property
    def is_good(self) -> NDArray[np.bool_]:
        """Which records nothing is wrong with, (N,)."""
        good = np.ones(len(self.records), np.bool_)
        good[list(self.bad)] = False
        return good


def load_index(path: Path) -> Optional[VerifiedIndex]:
    """The index in ``path``; None if there is none, or it is damaged in any way: then it is made again."""
    try:
        with safe_open(path, framework="numpy") as file:  # type: ignore[no-untyped-call]
            metadata = file.metadata() or {}
            if metadata.get("format") not in _FORMATS:
                return None
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no dictionary
        if metadata["format"] == _FORMATS[0]:
            arrays["digests"] = np.full(len(arrays["offsets"]), UNKNOWN, np.uint64)
        records = Records(**arrays)
        bad = {
            int(number): Problem(str(code), str(where), str(what))
            for number, code, where, what in json.loads(metadata["bad"])
        }
        index = VerifiedIndex(
            records,
            bad,
            dict(json.loads(metadata["identity"])),
            metadata["sha256"],
            tuple(map(str, json.loads(metadata.get("classes", "[]")))),
            int(metadata.get("unpacked", 0)),
        )
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return index if _is_sound(index) else None


def _is_sound(index: VerifiedIndex) -> bool:
    arrays = {name: getattr(index.records, name) for name in DTYPES}
    count = len(index.records.offsets.ravel())
    return (
        all(array.shape == (count,) and array.dtype == DTYPES[name] for name, array in arrays.items())
        and count > 0
        and bool((index.records.offsets >= 0).all())
        and all(0 <= number < count for number in index.bad)
    )


def cache_folder() -> Path:
    """Where indexes are kept that cannot lie beside their data."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gluonlab" / "verified"


def cached_path(data: Path) -> Path:
    """The place in the cache for the file or folder ``data``."""
    return cache_folder() / (hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:32] + SUFFIX)


def unpacked_path(data: Path) -> Path:
    """Where the images of a shard are put that cannot be read from it."""
    place = cached_path(data)
    return place.with_name(place.name.split(".")[0] + ".images")


def index_paths(data: Path) -> Sequence[Path]:
    """Where the index of ``data`` may be, the better place first."""
    beside = [data.with_suffix(SUFFIX)] if data.is_file() else []
    return [*beside, cached_path(data)]
