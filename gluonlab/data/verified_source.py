"""Files and folders whose every image is known to decode, with what is bad refused or left out."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.commands import gluonlab_command
from gluonlab.data.classes import numbered_by
from gluonlab.data.concatenation import Concatenation, FileSource
from gluonlab.data.folder import FolderSource
from gluonlab.data.image_limits import DEFAULT_LIMITS, MEND, TOO_LARGE, ImageLimits
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import temporary_path
from gluonlab.data.shards.source import ShardSource
from gluonlab.data.source import checksum_of
from gluonlab.data.verification.index import VerifiedIndex, index_paths
from gluonlab.data.verification.verify import Kind, verified
from gluonlab.errors import DataError, Problem

SHOWN = 10  # bad records in one message
_log = logging.getLogger("gluonlab")


class Selection:
    """The samples of ``source`` at ``kept``, in that order; sample i is number ``kept[i]`` of the source."""

    def __init__(self, source: FileSource, kept: NDArray[np.int64]) -> None:
        self._source, self._kept = source, kept
        self.name = source.name
        self.labels: NDArray[np.int64] = source.labels[kept]
        self.classes = source.classes
        self.is_verified = source.is_verified
        self.limits = source.limits
        self.digests = None if source.digests is None else source.digests[kept]
        self.warnings = source.warnings

    def __len__(self) -> int:
        return len(self._kept)

    def encoded(self, index: int) -> bytes:
        """The stored bytes of image ``index``."""
        return self._source.encoded(int(self._kept[index]))

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels)."""
        return self._source.image(int(self._kept[index]))

    def checksum(self, start: int, stop: int) -> Optional[int]:
        """A CRC-32 over those that the verification found for these images."""
        crcs = self._source.crcs
        return None if crcs is None else checksum_of(crcs[self._kept], start, stop)

    def where(self, index: int) -> str:
        """File and number in it, counted with those left out."""
        return self._source.where(int(self._kept[index]))


@dataclass(frozen=True)
class _Opened:
    """A file or folder, its images, and what is wrong with some of them, by number."""

    path: Path
    source: FileSource
    bad: dict[int, Problem]


def open_verified(
    kind: Kind,
    paths: Iterable[Path],
    classes: int,
    max_bad_fraction: Optional[float] = None,
    processes: int = 1,
    class_names: Sequence[str] = (),
    limits: ImageLimits = DEFAULT_LIMITS,
) -> Union[FileSource, Selection]:
    """The images at ``paths``, one after another, verified now if that was not done before.

    Their classes are numbered as ``class_names``, those of training, or else as those of the first path. Bad
    are records that do not decode or are beyond ``limits``, and labels outside 0..classes - 1. They are an
    error, or, with a ``max_bad_fraction``, left out and listed in ``<path>.bad.jsonl`` (beside the verified
    index).

    Raises:
        DataError: the codes of the bad records, the first ten; DAT41 if there are more than allowed; DAT14 a
            class that is none of ``class_names``.
    """
    opened: list[_Opened] = []
    for path in paths:
        index = verified(kind, path, processes=processes, limits=limits)
        names = class_names or (opened[0].source.classes if opened else ())
        source = numbered_by(names, open_one(kind, path, index, limits))
        bad = {**_bad_labels(source, index, classes), **index.bad, **_too_large(source, index, limits)}
        opened.append(_Opened(path, source, bad))
    whole: FileSource = opened[0].source if len(opened) == 1 else Concatenation([o.source for o in opened])
    if not any(each.bad for each in opened):
        return whole
    _refuse(opened, len(whole), max_bad_fraction)
    kept = []
    first = 0
    for each in opened:
        if each.bad:
            ledger = _write_ledger(each.path, each.bad)
            _log.warning("%s: %d bad records are left out, see %s", each.path, len(each.bad), ledger)
        kept.append(first + np.setdiff1d(np.arange(len(each.source)), list(each.bad)))
        first += len(each.source)
    return Selection(whole, np.concatenate(kept))


def open_one(kind: Kind, path: Path, index: VerifiedIndex, limits: ImageLimits) -> FileSource:
    """The file or folder ``path`` as its ``index`` says, bad records included."""
    if kind == "record":
        return RecordSource(path, index=index, limits=limits)
    if kind == "folder":
        return FolderSource(path, index, limits=limits)
    return ShardSource(path, index, limits)


def _refuse(opened: Sequence[_Opened], images: int, max_bad_fraction: Optional[float]) -> None:
    """Raise what is wrong with bad records, unless they are few enough to be left out."""
    bad = [each.bad[number] for each in opened for number in sorted(each.bad)]
    where = str(opened[0].path) + (f" and {len(opened) - 1} more" if len(opened) > 1 else "")
    verify = gluonlab_command("data", "verify", *(each.path for each in opened if each.bad))
    if max_bad_fraction is None:
        more = Problem("DAT41", where, f"{len(bad)} bad records in all", f"{verify} lists them")
        raise DataError.from_problems(bad if len(bad) <= SHOWN else [*bad[:SHOWN], more])
    if len(bad) > max_bad_fraction * images:
        what = f"{len(bad)} of {images} records are bad, more than {max_bad_fraction:g} of them"
        raise DataError.from_problems([Problem("DAT41", where, what, f"see {verify}"), *bad[:SHOWN]])


def _too_large(source: FileSource, index: VerifiedIndex, limits: ImageLimits) -> dict[int, Problem]:
    return {
        number: Problem(TOO_LARGE, source.where(number), what, MEND)
        for number, what in index.too_large(limits).items()
    }


def _bad_labels(source: FileSource, index: VerifiedIndex, classes: int) -> dict[int, Problem]:
    stored = index.records.labels
    outside = np.flatnonzero((source.labels < 0) | (source.labels >= classes)).tolist()
    return {
        number: Problem("DAT12", source.where(number), f"label {stored[number]} outside 0..{classes - 1}")
        for number in outside
    }


def _write_ledger(path: Path, bad: dict[int, Problem]) -> Path:
    """One line of JSON for each record that is left out; the same bytes whoever writes it."""
    lines = [
        json.dumps({"record": number, "code": p.code, "where": p.where, "what": p.what}) + "\n"
        for number, p in sorted(bad.items())
    ]
    for place in index_paths(path):
        ledger = place.with_name(place.name.split(".verified")[0] + ".bad.jsonl")
        temporary = temporary_path(ledger)
        try:
            temporary.write_text("".join(lines), "utf-8")
            os.replace(temporary, ledger)
            return ledger
        except OSError:
            continue
    return Path("nowhere: no place can be written")
