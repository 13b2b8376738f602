"""Random access to the records of a file, each checked before it is believed."""

from __future__ import annotations

import contextlib
import logging
import os
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits
from gluonlab.data.recordio.format import (
    FIRST,
    LAST,
    MAGIC,
    MAGIC_BYTES,
    MAX_LENGTH,
    MIDDLE,
    PART_HEADER,
    WHOLE,
    FilePath,
)
from gluonlab.data.recordio.index import parse_index
from gluonlab.data.retry import read_with_retries
from gluonlab.disk import reading
from gluonlab.errors import DataError

_log = logging.getLogger("gluonlab")


class RecordTable(NamedTuple):
    """Where records lie, as an earlier look at the file found it; all (N,)."""

    offsets: NDArray[np.int64]
    ends: NDArray[np.int64]
    crcs: NDArray[np.uint32]


class RecordReader:
    """Random access to the records of ``path``; safe for threads, fork and spawn.

    The index is ``index_path``, by default the ``.idx`` beside the file, else rebuilt in memory. Record i is
    its line i; records that it does not list are not there, as with MXNet. With a ``table`` no index is read,
    and each record must have its checksum. Raises DataError DAT01 (missing or empty), DAT03 (the index is
    wrong), DAT04 (the record is damaged), DAT07 (it has more bytes than ``limits`` allow), DAT08 (checksum);
    CheckpointError DAT19 if the disk fails.
    """

    def __init__(
        self,
        path: FilePath,
        index_path: Optional[FilePath] = None,
        table: Optional[RecordTable] = None,
        limits: ImageLimits = DEFAULT_LIMITS,
    ) -> None:
        self._fd = -1
        self._limits = limits
        self.path = Path(path)
        self.name = self.path.name
        self.index_path = Path(index_path) if index_path else self.path.with_suffix(".idx")
        if not self.path.is_file():
            raise DataError("DAT01", str(path), "no such file")
        if index_path and not self.index_path.is_file():
            raise DataError("DAT01", str(index_path), "no such file")
        self._fd = os.open(self.path, os.O_RDONLY)
        self._size = os.fstat(self._fd).st_size
        if self._size == 0:
            raise DataError("DAT01", str(path), "0 records")
        self._table = table
        self._has_index = table is None and self.index_path.is_file()
        self._index_is_right: Optional[bool] = None
        if table:
            self.offsets, self.ends = table.offsets, table.ends
            return
        self.offsets = self._checked_index() if self._has_index else self._rebuilt_index()
        order = np.argsort(self.offsets, kind="stable")
        self.ends = np.empty_like(self.offsets)  # where the next record of the file starts
        self.ends[order] = np.append(self.offsets[order[1:]], self._size)

    def _checked_index(self) -> NDArray[np.int64]:
        with reading(self.index_path):
            self.offsets = parse_index(self.index_path.read_bytes(), self.index_path.name)
        is_bad = (self.offsets % 4 != 0) | (self.offsets > self._size - PART_HEADER.size)
        if is_bad.any():
            deque(self._walk(), maxlen=0)  # a truncated file is told first
            raise self._index_error(int(self.offsets[is_bad][0]))
        first = int(self.offsets.min())
        if not self._is_tiled(0, first, f"{self.name}: byte 0"):
            raise self._index_error(first)
        return self.offsets

    def _rebuilt_index(self) -> NDArray[np.int64]:
        _log.info("%s: no index beside it; rebuilt from the records", self.name)
        return np.fromiter(self._walk(), np.int64)

    def __len__(self) -> int:
        return len(self.offsets)

    def __reduce__(self) -> tuple[type[RecordReader], tuple[Any, ...]]:
        index_path = self.index_path if self._has_index else None
        return RecordReader, (self.path, index_path, self._table, self._limits)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the reader cannot be used again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def where(self, index: int) -> str:
        """File, number and byte of record ``index``."""
        return f"{self.name}: record {index} at byte {self.offsets[index]}"

    def read(self, index: int) -> bytes:
        """The payload of record ``index``."""
        offset = int(self.offsets[index])
        try:
            parts, end = self._parts(offset, self.where(index))
            if end != self.ends[index]:
                self._mend_end(index, end)
        except DataError as error:
            raise self._index_problem() or error from None
        self._limits.check_bytes(end - offset, self.where(index))
        payloads = [self._pread(length, start) for start, length in parts]
        if any(len(payload) != length for payload, (_, length) in zip(payloads, parts)):
            raise DataError("DAT04", self.where(index), "truncated")
        payload = MAGIC_BYTES.join(payloads)
        if self._table and zlib.crc32(payload) != self._table.crcs[index]:
            raise DataError(
                "DAT08", self.where(index), "differs from its checksum", "verify the file again, or fetch it"
            )
        return payload

    def _mend_end(self, index: int, end: int) -> None:
        """Note where record ``index`` ends, if there are only records between it and the next one listed."""
        if self._table or not self._is_tiled(end, int(self.ends[index]), self.where(index)):
            raise DataError("DAT04", self.where(index), f"ends at byte {end}, not where the next one starts")
        self.ends[index] = end

    def _is_tiled(self, start: int, stop: int, where: str) -> bool:
        """Whether whole records fill the bytes from ``start`` to ``stop``."""
        while start < stop:
            _, start = self._parts(start, where)
        return start == stop

    @property
    def listed_fraction(self) -> float:
        """The part of the file's bytes that its listed records have, so far as they were looked at."""
        return float((self.ends - self.offsets).sum()) / self._size

    def _pread(self, length: int, start: int) -> bytes:
        return read_with_retries(lambda: os.pread(self._fd, length, start), f"{self.name}: byte {start}")

    def read_heads(self, start: int, stop: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The first ``size`` bytes, zeros if there are fewer, and the lengths of records start..stop - 1.

        Returns (n, size) and (n,). Checks the frame of each record on the way.
        """
        whole = PART_HEADER.size + size
        offsets = self.offsets[start:stop]
        raw = b"".join(self._pread(whole, offset).ljust(whole, b"\0") for offset in offsets.tolist())
        rows = np.frombuffer(raw, np.uint8).reshape(-1, whole)
        words = rows[:, : PART_HEADER.size].copy().view("<u4")
        lengths = (words[:, 1] & MAX_LENGTH).astype(np.int64)
        heads = np.where(np.arange(size) < lengths[:, None], rows[:, PART_HEADER.size :], np.uint8(0))
        ends = offsets + PART_HEADER.size + (lengths + 3) // 4 * 4
        is_plain = (words[:, 0] == MAGIC) & (words[:, 1] >> 29 == WHOLE) & (ends == self.ends[start:stop])
        for row in np.flatnonzero(~is_plain).tolist():
            payload = self.read(start + row)
            heads[row] = np.frombuffer(payload[:size].ljust(size, b"\0"), np.uint8)
            lengths[row] = len(payload)
        return heads, lengths

    def _parts(self, offset: int, where: str) -> tuple[list[tuple[int, int]], int]:
        """Start and length of each part of the record at ``offset``, and where the record ends."""
        parts: list[tuple[int, int]] = []
        while True:
            header = self._pread(PART_HEADER.size, offset)
            if len(header) < PART_HEADER.size:
                raise DataError("DAT04", where, "truncated")
            magic, word = PART_HEADER.unpack(header)
            if magic != MAGIC:
                raise DataError("DAT04", where, f"no record starts at byte {offset}: bad magic number")
            flag, length = word >> 29, word & MAX_LENGTH
            if flag not in ((MIDDLE, LAST) if parts else (WHOLE, FIRST)):
                raise DataError("DAT04", where, f"part flag {flag} out of place at byte {offset}")
            start = offset + PART_HEADER.size
            offset = start + (length + 3) // 4 * 4
            if offset > self._size:
                raise DataError("DAT04", where, f"truncated: ends at byte {offset} of {self._size}")
            parts.append((start, length))
            if flag in (WHOLE, LAST):
                return parts, offset

    def _walk(self) -> Iterator[int]:
        """The offset of each record, in the order of the file."""
        offset = number = 0
        while offset < self._size:
            _, end = self._parts(offset, f"{self.name}: record {number} at byte {offset}")
            yield offset
            offset, number = end, number + 1

    def _index_error(self, offset: int) -> DataError:
        line = int(np.flatnonzero(self.offsets == offset)[0]) + 1
        where = f"{self.index_path.name} line {line}"
        if offset >= self._size:
            return DataError("DAT03", where, f"offset {offset} beyond the {self._size} bytes of {self.name}")
        return DataError("DAT03", where, f"offset {offset} is not a record of {self.name}")

    def _index_problem(self) -> Optional[DataError]:
        """What is wrong with the index, as far as the file can be walked; None if nothing is."""
        if not self._has_index or self._index_is_right:
            return None
        starts = [-1]
        with contextlib.suppress(DataError):
            starts.extend(self._walk())  # keeps what came before the damage
        wrong = np.setdiff1d(self.offsets[self.offsets <= starts[-1]], starts)
        if wrong.size:
            return self._index_error(int(wrong[0]))
        self._index_is_right = True  # a file with many bad records is walked once
        return None
