"""The process that decodes what nobody has decoded before; run by `verify`, not by hand.

``python -m gluonlab.data.verification.child KIND PATH START STOP CHUNK PIXELS BYTES`` writes one line of
JSON when it is ready, and one for each chunk of records: a list of rows ``[offset, size, crc, label, height,
width, digest, error]``, ``error`` being null or ``[code, where, what]``.
"""

from __future__ import annotations

import json
import resource
import sys
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Union

from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits, image_size
from gluonlab.disk import reading
from gluonlab.errors import DataError

MEMORY = 3 << 30
"""Bytes of address space; the largest image that is accepted by default needs about a sixth."""


def main(kind: str, path: str, start: str, stop: str, chunk: str, *limits: str) -> None:
    """Report on records START to STOP - 1, in pieces of CHUNK, none larger than PIXELS and BYTES."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    samples = samples_of(kind, path, ImageLimits(*map(int, limits)))
    print(json.dumps("ready"), flush=True)
    for first in range(int(start), int(stop), int(chunk)):
        numbers = range(first, min(first + int(chunk), int(stop)))
        print(json.dumps([inspect(samples, number) for number in numbers]), flush=True)


def samples_of(kind: str, path: str, limits: ImageLimits) -> Union[RecordFile, Folder, Shard]:
    """What KIND and PATH mean; that of a shard is its layout."""
    kinds: dict[str, type[Union[RecordFile, Folder]]] = {"record": RecordFile, "folder": Folder}
    return kinds.get(kind, Shard)(path, limits)


def inspect(samples: Union[RecordFile, Folder, Shard], number: int) -> list[Any]:
    """One row; everything that can be wrong with a record is in it."""
    from gluonlab.data.decode import decode_image
    from gluonlab.data.duplicates import image_digest

    crc = label = height = width = digest = 0
    error = None
    try:
        content, label, payload = samples.sample(number)
        crc, digest = zlib.crc32(content), image_digest(payload)
        with suppress(ValueError):
            height, width = image_size(payload) or (0, 0)  # kept where it is too much to decode
        height, width = decode_image(payload, samples.where(number), samples.limits).shape[:2]
    except DataError as found:
        problem = found.problems[0]
        error = [problem.code, problem.where, problem.what]
    except MemoryError:
        error = ["DAT40", samples.where(number), f"needs more than {MEMORY >> 30} GiB of memory to decode"]
    return [*samples.place(number), crc, label, height, width, digest, error]


class RecordFile:
    """The records of a ``.rec`` file."""

    def __init__(self, path: str, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        from gluonlab.data.recordio import RecordReader

        self.limits = limits
        self._reader = RecordReader(path, limits=limits)
        self.where = self._reader.where

    def place(self, number: int) -> tuple[int, int]:
        """First byte, and bytes until the next record, once this one was looked at."""
        offset = int(self._reader.offsets[number])
        return offset, int(self._reader.ends[number]) - offset

    def sample(self, number: int) -> tuple[bytes, int, bytes]:
        """What the checksum covers, label, image file."""
        from gluonlab.data.record_source import class_label
        from gluonlab.data.recordio import unpack_image_record

        record = self._reader.read(number)
        label, _, payload = unpack_image_record(record, self.where(number))
        return record, class_label(label, self.where(number)), payload


class Folder:
    """The images of a folder of classes."""

    def __init__(self, path: str, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        from gluonlab.data.folder import FolderSource

        self.limits = limits
        self._source = FolderSource(path, limits=limits)
        self.where = self._source.where

    def place(self, number: int) -> tuple[int, int]:
        """0, and bytes of the file."""
        return 0, self._source.path(number).stat().st_size

    def sample(self, number: int) -> tuple[bytes, int, bytes]:
        """What the checksum covers, label, image file: the first is the last here."""
        content = self._source.encoded(number)
        return content, int(self._source.labels[number]), content


class Shard:
    """The images of a shard, by the file that holds its layout."""

    def __init__(self, path: str, limits: ImageLimits = DEFAULT_LIMITS) -> None:
        from gluonlab.data.shards.layout import load_layout

        self.limits = limits
        self._layout = load_layout(Path(path))
        with reading(self._layout.file):
            self._file = self._layout.file.open("rb")
        self.where = self._layout.where

    def place(self, number: int) -> tuple[int, int]:
        """First byte and number of bytes of the image."""
        return int(self._layout.offsets[number]), int(self._layout.sizes[number])

    def sample(self, number: int) -> tuple[bytes, int, bytes]:
        """What the checksum covers, label, image file: the first is the last here."""
        offset, size = self.place(number)
        self.limits.check_bytes(size, self.where(number))
        with reading(self._layout.file):
            self._file.seek(offset)
            content = self._file.read(size)
        return content, int(self._layout.labels[number]), content


if __name__ == "__main__":
    main(*sys.argv[1:])
