"""A record file in the making: what was written before an interruption need not be written again.

Beside the final names stand ``<prefix>.rec.part``, ``<prefix>.rows.part`` (one row for each record) and
``<prefix>.pack.json`` (what is being packed, and how). They go when the file is whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.duplicates import image_digest
from gluonlab.data.packing.encode import Encoded
from gluonlab.data.recordio import frame, temporary_path, unpack_image_record
from gluonlab.data.recordio.format import PART_HEADER
from gluonlab.data.verification.index import DTYPES, SUFFIX, Records, VerifiedIndex
from gluonlab.data.verification.verify import identify
from gluonlab.disk import reading, sha256_of, writing
from gluonlab.errors import DataError

ROW = np.dtype([(name, np.dtype(dtype).newbyteorder("<")) for name, dtype in DTYPES.items()])
_CHECKED = 64  # records at the end whose content is looked at before packing goes on


class PartialRecords:
    """Appends records to files in the making; ``count`` of them are there already.

    They are those of an earlier attempt with the same ``recipe`` (JSON data), else there are none.
    """

    def __init__(self, prefix: Path, recipe: dict[str, Any]) -> None:
        self._prefix = prefix
        self._note, self._records, self._rows = (
            named(prefix, suffix) for suffix in (".pack.json", ".rec.part", ".rows.part")
        )
        rows = self._rows_to_keep() if self._read_note() == recipe else np.empty(0, ROW)
        self.count = len(rows)
        self.bytes = _end(rows[-1]) if len(rows) else 0
        with writing(self._records):
            if not len(rows):
                self._records.write_bytes(b"")
                self._rows.write_bytes(b"")
                self._note.write_text(json.dumps(recipe))
            os.truncate(self._records, self.bytes)
            os.truncate(self._rows, len(rows) * ROW.itemsize)
            self._files = [open(path, "ab") for path in (self._records, self._rows)]  # noqa: SIM115

    def write(self, record: bytes, label: int, image: Encoded) -> None:
        """Append the payload ``record``, which holds ``image``; the verified index says what these are."""
        records, rows = self._files
        framed = frame(record)
        with writing(self._records):
            records.write(framed)
        digest = image_digest(image.payload)
        row = (self.bytes, len(framed), zlib.crc32(record), label, image.height, image.width, digest)
        with writing(self._rows):
            rows.write(np.array([row], ROW).tobytes())
        self.bytes += len(framed)
        self.count += 1

    def close(self) -> None:
        """Close the files and keep them for the next attempt."""
        for file in self._files:
            with contextlib.suppress(OSError):  # a full disk was told before
                file.close()

    def discard(self) -> None:
        """Close the files and delete them."""
        self.close()
        for path in (self._note, self._records, self._rows):
            path.unlink(missing_ok=True)

    def commit(self, ids: Sequence[int]) -> VerifiedIndex:
        """Put everything under its final name; the records last but for what describes them.

        ``ids`` are the keys of the records in the ``.idx`` file.
        """
        for file in self._files:
            with writing(file.name):
                file.flush()
                os.fsync(file.fileno())
        self.close()
        with reading(self._rows):
            rows = np.fromfile(self._rows, ROW)
        records, index, verified = (named(self._prefix, suffix) for suffix in (".rec", ".idx", SUFFIX))
        sha256 = sha256_of(self._records)
        for path in (index, verified):  # new records never stand beside an old index
            path.unlink(missing_ok=True)
        os.replace(self._records, records)
        temporary = temporary_path(index)
        lines = (f"{i}\t{offset}\n" for i, offset in zip(ids, rows["offsets"].tolist()))
        with writing(index):
            temporary.write_text("".join(lines))
        os.replace(temporary, index)
        arrays = Records(**{name: rows[name].astype(dtype) for name, dtype in DTYPES.items()})
        verified_index = VerifiedIndex(arrays, {}, identify("record", records), sha256)
        verified_index.save(verified)
        self.discard()
        return verified_index

    def _read_note(self) -> Any:
        try:
            return json.loads(self._note.read_text())
        except (OSError, ValueError):
            return None

    def _rows_to_keep(self) -> NDArray[Any]:
        """The rows whose records are whole; the last ones are read to be sure."""
        try:
            size = self._records.stat().st_size
            content = self._rows.read_bytes()
        except OSError:
            return np.empty(0, ROW)
        rows = np.frombuffer(content[: len(content) // ROW.itemsize * ROW.itemsize], ROW)
        starts = rows["offsets"]
        ends = starts + rows["sizes"]
        is_chained = (ends <= size) & (starts == np.append(0, ends[:-1])) if len(rows) else ends > 0
        rows = rows[: int(np.argmin(is_chained)) if not is_chained.all() else len(rows)]
        with reading(self._records), self._records.open("rb") as file:
            while len(rows) and not all(_is_whole(file, row) for row in rows[-_CHECKED:]):
                rows = rows[: -min(_CHECKED, len(rows))]
        return rows


def _is_whole(file: Any, row: Any) -> bool:
    file.seek(int(row["offsets"]))
    framed = file.read(int(row["sizes"]))
    payload = framed[PART_HEADER.size :][: PART_HEADER.unpack_from(framed)[1] & ((1 << 29) - 1)]
    try:
        unpack_image_record(payload)
    except DataError:
        return False
    # A record that holds the magic number is cut into parts; writing it again is simpler than reading it.
    return zlib.crc32(payload) == int(row["crcs"])


def _end(row: Any) -> int:
    return int(row["offsets"]) + int(row["sizes"])


def named(prefix: Path, suffix: str) -> Path:
    """``prefix`` with a suffix, whatever dots it has."""
    return prefix.with_name(prefix.name + suffix)


def remove_stale(folder: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    for path in _temporary_files(folder):
        number = path.name.rpartition(".tmp-")[2]
        if number.isdigit() and not Path("/proc", number).exists():
            path.unlink(missing_ok=True)


def _temporary_files(folder: Path) -> Iterator[Path]:
    yield from folder.glob("*.tmp-*")
