"""Images in a record file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.classes import read_class_names
from gluonlab.data.decode import decode_image
from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits
from gluonlab.data.recordio import IMAGE_HEADER, RecordReader, unpack_image_record
from gluonlab.data.source import checksum_of
from gluonlab.data.verification.index import VerifiedIndex
from gluonlab.errors import DataError

_SCAN_RECORDS = 1 << 16
_HEAD = np.dtype([("count", "<u4"), ("label", "<f4"), ("id", "<u8"), ("id2", "<u8"), ("first_label", "<f4")])


def class_label(label: Union[float, NDArray[np.float32]], where: str) -> int:
    """The class that a record names. Raises DataError DAT12 (no whole number), DAT13 (several labels)."""
    values = np.atleast_1d(np.asarray(label, np.float32))
    if values.size != 1:
        raise DataError("DAT13", where, f"{values.size} labels; one is expected")
    value = float(values[0])
    if not (math.isfinite(value) and value == int(value) and abs(value) < 2**31):
        raise DataError("DAT12", where, f"label {value:g} is not a whole number")
    return int(value)


class RecordSource:
    """The images of a ``.rec`` file; labels come from a verified ``index``, else from all headers.

    ``classes`` are the lines of ``<prefix>.classes.txt`` beside it, if there is one; ``warnings`` tell of
    records that the ``.idx`` does not list. Raises what RecordReader raises, DataError DAT05 (bad header),
    DAT12 (a label is no whole number), DAT13 (several labels), DAT42 (names of classes that are none).
    """

    def __init__(
        self,
        path: Union[str, Path],
        name: Optional[str] = None,
        index: Optional[VerifiedIndex] = None,
        limits: ImageLimits = DEFAULT_LIMITS,
    ) -> None:
        self.is_verified = index is not None
        self.crcs = index.records.crcs if index else None
        self.digests = index.records.digests if index else None
        self.limits = limits
        self._reader = RecordReader(path, table=index.table if index else None, limits=limits)
        self.name = name or self._reader.name
        self.labels: NDArray[np.int64] = (
            index.records.labels.astype(np.int64) if index else self._all_labels()
        )
        self.warnings: Sequence[str] = self._left_out()
        names = Path(path).with_suffix(".classes.txt")
        self.classes = read_class_names(names) if names.is_file() else ()

    def __len__(self) -> int:
        return len(self._reader)

    def encoded(self, index: int) -> bytes:
        """The stored bytes of image ``index``."""
        record = self._reader.read(index)
        return unpack_image_record(record, self.where(index))[2]

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels), RGB or gray; raises DataError DAT06, DAT07."""
        return decode_image(self.encoded(index), self.where(index), self.limits)

    def checksum(self, start: int, stop: int) -> Optional[int]:
        """A CRC-32 over those that the verification found for records ``start`` to ``stop - 1``."""
        return checksum_of(self.crcs, start, stop)

    def where(self, index: int) -> str:
        """File, number and byte of the record."""
        return self._reader.where(index)

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def _left_out(self) -> list[str]:
        """A line on the records that the index does not list, if there are any."""
        part = self._reader.listed_fraction
        if part == 1 or not (self._reader.ends > self._reader.offsets).all():  # some kill what reads them
            return []
        index, listed = self._reader.index_path.name, f"{len(self):,} records, {part:.1%} of {self.name}"
        return [f"{index} lists {listed}; the others are left out"]

    def _all_labels(self) -> NDArray[np.int64]:
        starts = range(0, len(self), _SCAN_RECORDS)
        return np.concatenate(
            [self._read_labels(start, min(start + _SCAN_RECORDS, len(self))) for start in starts]
        )

    def _read_labels(self, start: int, stop: int) -> NDArray[np.int64]:
        raw, lengths = self._reader.read_heads(start, stop, _HEAD.itemsize)
        heads = raw.view(_HEAD)[:, 0]
        needed = IMAGE_HEADER.size + 4 * heads["count"].astype(np.int64)
        labels = np.where(heads["count"] == 1, heads["first_label"], heads["label"])
        with np.errstate(invalid="ignore"):
            is_whole = np.isfinite(labels) & (labels == np.floor(labels)) & (np.abs(labels) < 2**31)
        self._refuse(
            "DAT05", start, lengths < needed, lengths, "record of {} bytes, shorter than its header says"
        )
        self._refuse("DAT13", start, heads["count"] > 1, heads["count"], "{} labels; one is expected")
        self._refuse("DAT12", start, ~is_whole, labels, "label {} is not a whole number")
        return labels.astype(np.int64)

    def _refuse(
        self, code: str, start: int, is_bad: NDArray[np.bool_], values: NDArray[np.generic], what: str
    ) -> None:
        if is_bad.any():
            row = int(is_bad.argmax())
            raise DataError(code, self.where(start + row), what.format(values[row]))
