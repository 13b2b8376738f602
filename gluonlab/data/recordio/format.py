"""The bytes of a record, in a file and as a labelled image.

Format (dmlc-core ``recordio.h``, MXNet ``recordio.py``): a record is one or more parts, each
``uint32 magic, uint32 flag << 29 | length, payload, zeros up to a multiple of 4``. The payload is cut
into parts (flag 1, 2 ..., 3 instead of 0) wherever it holds the magic number at a multiple of 4 bytes;
the number itself is left out. The ``.idx`` file has one line ``key TAB offset`` for each record. All
numbers are little-endian.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.errors import DataError

MAGIC = 0xCED7230A
MAGIC_BYTES = struct.pack("<I", MAGIC)
MAX_LENGTH = (1 << 29) - 1
WHOLE, FIRST, MIDDLE, LAST = range(4)

PART_HEADER = struct.Struct("<II")
IMAGE_HEADER = struct.Struct("<IfQQ")  # flag (number of labels that follow), label, id, id2

FilePath = Union[str, Path]


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


def temporary_path(path: Path) -> Path:
    """Where this process writes what is to become ``path``."""
    return path.with_name(f"{path.name}.tmp-{os.getpid()}")
