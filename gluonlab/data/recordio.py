"""MXNet's RecordIO files, read with suspicion and written atomically.

Format (dmlc-core ``recordio.h``, MXNet ``recordio.py``): a record is one or more parts, each
``uint32 magic, uint32 flag << 29 | length, payload, zeros up to a multiple of 4``. The payload is cut
into parts (flag 1, 2 ..., 3 instead of 0) wherever it holds the magic number at a multiple of 4 bytes;
the number itself is left out. The ``.idx`` file has one line ``key TAB offset`` for each record. All
numbers are little-endian.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import struct
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Optional, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.errors import DataError

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
MAX_LENGTH = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = range(4)

PART_HEADER = struct.Struct("<II")
IMAGE_HEADER = struct.Struct("<IfQQ")  # flag (number of labels that follow), label, id, id2

_BAD_LINE = re.compile(rb"^(?!\d{1,18}\t\d{1,18}$|\Z)", re.MULTILINE)

FilePath = Union[str, Path]
_log = logging.getLogger("gluonlab")


def pack_image_record(label: Union[float, NDArray[np.float32]], id: int, payload: bytes) -> bytes:
    """An encoded image with its label, or its array of labels, as ``mx.recordio.pack`` writes it."""
    if isinstance(label, np.ndarray):
        return IMAGE_HEADER.pack(label.size, 0, id, 0) + label.astype("<f4").tobytes() + payload
    return IMAGE_HEADER.pack(0, label, id, 0) + payload


def unpack_image_record(
    record: bytes, where: str = "record"
) -> tuple[Union[float, NDArray[np.float32]], int, bytes]:
    """Label (an array if labels follow the header), id and encoded image of ``record``.

    Raises DataError DAT05, placed at ``where``, if the record is shorter than its header says.
    """
    if len(record) < IMAGE_HEADER.size:
        raise DataError("DAT05", where, f"{len(record)} bytes; the header alone has {IMAGE_HEADER.size}")
    count, label, id, _ = IMAGE_HEADER.unpack_from(record)
    start = IMAGE_HEADER.size + 4 * count
    if start > len(record):
        raise DataError("DAT05", where, f"header promises {count} labels in {len(record)} bytes")
    if count:
        return np.frombuffer(record[IMAGE_HEADER.size : start], "<f4").astype(np.float32), id, record[start:]
    return label, id, record[start:]


def frame(payload: bytes) -> bytes:
    """``payload`` as it stands in the file: headers, parts, padding. Raises DataError DAT04 at 512 MiB."""
    if len(payload) > MAX_LENGTH:
        raise DataError("DAT04", "record", f"{len(payload)} bytes; RecordIO holds at most {MAX_LENGTH}")
    pieces = []
    start = 0
    position = payload.find(MAGIC_BYTES)
    while position >= 0:
        if position % 4 == 0:
            flag = MIDDLE if start else FIRST
            pieces += [PART_HEADER.pack(MAGIC, flag << 29 | position - start), payload[start:position]]
            start = position + 4
        position = payload.find(MAGIC_BYTES, max(start, position + 1))
    flag = LAST if start else WHOLE
    pieces += [PART_HEADER.pack(MAGIC, flag << 29 | len(payload) - start), payload[start:]]
    pieces.append(bytes(-len(payload) % 4))
    return b"".join(pieces)


def parse_index(text: bytes, name: str) -> NDArray[np.int64]:
    """Offsets (N,) in the order of the lines of an ``.idx`` file.

    Raises DataError DAT03, naming the line, if it is empty, not ``key TAB offset``, or says a thing twice.
    """
    bad = _BAD_LINE.search(text)
    if bad:
        line = text.count(b"\n", 0, bad.start()) + 1
        raise DataError("DAT03", f"{name} line {line}", "not a key, a tab and an offset")
    if not text:
        raise DataError("DAT03", name, "empty", "delete it to have it rebuilt")
    table = np.fromstring(text, dtype=np.int64, sep=" ").reshape(-1, 2)
    for column, what in enumerate(("key", "offset")):
        if (np.diff(table[:, column]) > 0).all():
            continue  # the usual case, without a sort
        _, first = np.unique(table[:, column], return_index=True)
        if len(first) < len(table):
            line = int(np.setdiff1d(np.arange(len(table)), first)[0])
            raise DataError("DAT03", f"{name} line {line + 1}", f"{what} {table[line, column]} given twice")
    return table[:, 1].copy()


class RecordReader:
    """Random access to the records of ``path``; safe for threads, fork and spawn.

    The index is ``index_path``, by default the ``.idx`` beside the file, else rebuilt in memory. It must
    list every record; record i is its line i. Raises DataError DAT01 (missing or empty), DAT03 (the
    index is wrong), DAT04 (the record is damaged).
    """

    def __init__(self, path: FilePath, index_path: Optional[FilePath] = None) -> None:
        self._fd = -1
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
        self._has_index = self.index_path.is_file()
        if self._has_index:
            self.offsets = parse_index(self.index_path.read_bytes(), self.index_path.name)
            is_bad = (self.offsets % 4 != 0) | (self.offsets > self._size - PART_HEADER.size)
            if is_bad.any():
                deque(self._walk(), maxlen=0)  # a truncated file is told first
                raise self._index_error(int(self.offsets[is_bad][0]))
            if self.offsets.min() > 0:
                raise self._gap_error(0)
        else:
            _log.info("%s: no index beside it; rebuilt from the records", self.name)
            self.offsets = np.fromiter(self._walk(), np.int64)
        order = np.argsort(self.offsets, kind="stable")
        self._limits = np.empty_like(self.offsets)  # where the next record of the file starts
        self._limits[order] = np.append(self.offsets[order[1:]], self._size)

    def __len__(self) -> int:
        return len(self.offsets)

    def __reduce__(self) -> tuple[type[RecordReader], tuple[Path, Optional[Path]]]:
        return RecordReader, (self.path, self.index_path if self._has_index else None)

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
            if end != self._limits[index]:
                raise DataError(
                    "DAT04", self.where(index), f"ends at byte {end}, not where the next one starts"
                )
            payloads = [os.pread(self._fd, length, start) for start, length in parts]
        except DataError as error:
            raise self._index_problem() or error from None
        if any(len(payload) != length for payload, (_, length) in zip(payloads, parts)):
            raise DataError("DAT04", self.where(index), "truncated")
        return MAGIC_BYTES.join(payloads)

    def read_heads(self, start: int, stop: int, size: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """The first ``size`` bytes, zeros if there are fewer, and the lengths of records start..stop - 1.

        Returns (n, size) and (n,). Checks the frame of each record on the way.
        """
        whole = PART_HEADER.size + size
        offsets = self.offsets[start:stop]
        raw = b"".join(os.pread(self._fd, whole, offset).ljust(whole, b"\0") for offset in offsets.tolist())
        rows = np.frombuffer(raw, np.uint8).reshape(-1, whole)
        words = rows[:, : PART_HEADER.size].copy().view("<u4")
        lengths = (words[:, 1] & MAX_LENGTH).astype(np.int64)
        heads = np.where(np.arange(size) < lengths[:, None], rows[:, PART_HEADER.size :], np.uint8(0))
        ends = offsets + PART_HEADER.size + (lengths + 3) // 4 * 4
        is_plain = (words[:, 0] == MAGIC) & (words[:, 1] >> 29 == WHOLE) & (ends == self._limits[start:stop])
        for row in np.flatnonzero(~is_plain).tolist():
            payload = self.read(start + row)
            heads[row] = np.frombuffer(payload[:size].ljust(size, b"\0"), np.uint8)
            lengths[row] = len(payload)
        return heads, lengths

    def _parts(self, offset: int, where: str) -> tuple[list[tuple[int, int]], int]:
        """Start and length of each part of the record at ``offset``, and where the record ends."""
        parts: list[tuple[int, int]] = []
        while True:
            header = os.pread(self._fd, PART_HEADER.size, offset)
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
        if not self._has_index:
            return None
        starts = [-1]
        with contextlib.suppress(DataError):
            starts.extend(self._walk())  # keeps what came before the damage
        wrong = np.setdiff1d(self.offsets[self.offsets <= starts[-1]], starts)
        if wrong.size:
            return self._index_error(int(wrong[0]))
        missing = np.setdiff1d(starts[1:], self.offsets)
        return self._gap_error(int(missing[0])) if missing.size else None

    def _gap_error(self, offset: int) -> DataError:
        return DataError("DAT03", self.index_path.name, f"lacks the record at byte {offset} of {self.name}")


class RecordWriter:
    """Writes ``path`` and its index; both appear under their names only when all went well.

    Use as a context manager. Until then the bytes are in ``<name>.tmp-<pid>`` beside them, removed on error.
    """

    def __init__(self, path: FilePath, index_path: Optional[FilePath] = None) -> None:
        self.path = Path(path)
        self.index_path = Path(index_path) if index_path else self.path.with_suffix(".idx")
        self._files: list[IO[bytes]] = []
        self._count = self.bytes = 0

    def __enter__(self) -> RecordWriter:
        for path in (self.path, self.index_path):
            self._files.append(open(temporary_path(path), "wb"))
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            for file, path in zip(self._files, (self.path, self.index_path)):
                with contextlib.suppress(OSError):  # a full disk was told before; now the file must go
                    file.close()
                temporary_path(path).unlink(missing_ok=True)

    def write(self, payload: bytes) -> None:
        """Append a record; its key in the index is its number."""
        records, index = self._files
        framed = frame(payload)
        records.write(framed)
        index.write(f"{self._count}\t{self.bytes}\n".encode())
        self.bytes += len(framed)
        self._count += 1

    def _commit(self) -> None:
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        # New records never stand beside an old index: without one, the index is rebuilt.
        self.index_path.unlink(missing_ok=True)
        os.replace(temporary_path(self.path), self.path)
        os.replace(temporary_path(self.index_path), self.index_path)


def temporary_path(path: Path) -> Path:
    """Where this process writes what is to become ``path``."""
    return path.with_name(f"{path.name}.tmp-{os.getpid()}")
