"""MDS shards of MosaicML's streaming: a table of offsets, a description of the columns, samples.

Format: https://github.com/mosaicml/streaming. All numbers are little-endian. A shard begins with the number N
of samples (uint32) and N + 1 offsets (uint32); the description (JSON) fills the bytes until the first sample.
A sample is the sizes (uint32) of its columns of varying size, then the columns.
"""

from __future__ import annotations

import bz2
import gzip
import json
import os
import sys
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from gluonlab.commands import pip_command
from gluonlab.data.shards.layout import IMAGE_NAMES, LABEL_NAMES, Layout
from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import DataError, SetupError

_BLOCK = 1 << 20
_LARGEST = 1 << 32  # what its offsets can say

_IMAGES = ("jpeg", "png", "bytes")
_LABELS = {
    "int": "<i8",
    **{f"int{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"uint{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
}
"""Encodings of labels: numbers of fixed size."""


class Columns(NamedTuple):
    """Where image and label are in a sample, whose columns have ``sizes``, None where they vary."""

    sizes: list[Any]
    image: int
    label: int
    label_type: str


def scan_mds(path: Path, unpacked: Path) -> Layout:
    """The samples of the shard ``path``; a compressed one is unpacked into the file ``unpacked``.

    Raises:
        DataError: DAT04 cut short or damaged, DAT05 no such shard, or columns that are no image and label.
        SetupError: ENV31 zstandard is not installed.
    """
    file = path if path.suffix == ".mds" else _unpack(path, unpacked)
    with reading(file):
        content = np.memmap(file, np.uint8, "r") if file.stat().st_size else np.empty(0, np.uint8)
    bounds = _bounds(path, content)
    columns = _columns(path, bytes(content[4 + 4 * len(bounds) : int(bounds[0])]))
    varying = [number for number, size in enumerate(columns.sizes) if size is None]
    heads = _numbers(content, bounds[:-1], len(varying))
    starts = bounds[:-1] + 4 * len(varying)
    lengths = [
        heads[:, varying.index(number)] if size is None else np.full(len(starts), size)
        for number, size in enumerate(columns.sizes)
    ]
    ends = starts + sum(lengths)
    if (ends != bounds[1:]).any():
        number = int((ends != bounds[1:]).argmax())
        raise DataError("DAT04", f"{path.name}: sample {number}", "its columns do not fill it")
    places = [starts + sum(lengths[:number]) for number in range(len(lengths))]
    width = np.dtype(columns.label_type).itemsize
    raw = content[places[columns.label][:, None] + np.arange(width)]
    labels = np.ascontiguousarray(raw).view(columns.label_type)[:, 0]
    if (np.abs(labels.astype(np.float64)) >= 2**31).any():
        raise DataError("DAT12", path.name, "a label is beyond 32 bits")
    sizes = lengths[columns.image].astype(np.int64)
    return Layout(path.name, file, places[columns.image], sizes, labels.astype(np.int64))


def _bounds(path: Path, content: NDArray[np.uint8]) -> NDArray[np.int64]:
    """First byte of each sample, and the end of the last, (N + 1,)."""
    size = len(content)
    count = int(content[:4].view("<u4")[0]) if size >= 4 else 0
    if not 0 < count <= (size - 8) // 4:
        raise DataError("DAT05", str(path), f"{size:,} bytes are no MDS shard, or one without samples")
    bounds = np.array(content[4 : 8 + 4 * count].view("<u4"), np.int64)
    if bounds[0] < 8 + 4 * count or (np.diff(bounds) <= 0).any():
        raise DataError("DAT05", str(path), "its offsets do not ascend: no MDS shard")
    if bounds[-1] != size:
        raise DataError("DAT04", str(path), f"{size:,} bytes, its offsets say {bounds[-1]:,}: cut short?")
    return bounds


def _columns(path: Path, text: bytes) -> Columns:
    try:
        said = json.loads(text)
        names, encodings, sizes = (said[f"column_{each}"] for each in ("names", "encodings", "sizes"))
        is_sound = len(names) == len(encodings) == len(sizes) and all(
            size is None or (isinstance(size, int) and 0 <= size < 2**31) for size in sizes
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        is_sound = False
    if not is_sound:
        raise DataError("DAT05", str(path), "has no description of its columns: no MDS shard")
    kinds = dict(zip(names, encodings))
    image = next((name for name in IMAGE_NAMES if kinds.get(name) in _IMAGES), None)
    label = next((name for name in LABEL_NAMES if kinds.get(name) in _LABELS), None)
    if image is None or label is None:
        what, names, types = (
            ("image", IMAGE_NAMES, _IMAGES) if image is None else ("label", LABEL_NAMES, ["int"])
        )
        has = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
        wanted = f"has no {what} ({', '.join(names)}, as {', '.join(types)})"
        raise DataError("DAT05", str(path), wanted, f"its columns: {has}")
    return Columns(sizes, list(kinds).index(image), list(kinds).index(label), _LABELS[kinds[label]])


def _numbers(content: NDArray[np.uint8], starts: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """The ``count`` uint32 from each of ``starts`` on, (N, count)."""
    places = np.minimum(starts[:, None] + np.arange(4 * count), len(content) - 1)
    return np.ascontiguousarray(content[places]).view("<u4").astype(np.int64)


def _unpack(path: Path, unpacked: Path) -> Path:
    make_folder(unpacked.parent)
    temporary = unpacked.with_name(f"{unpacked.name}.tmp-{os.getpid()}")
    try:
        with _opened(path) as content, writing(unpacked), temporary.open("wb") as output:
            while block := content.read(_BLOCK):
                output.write(block)
                if output.tell() > _LARGEST:
                    raise DataError("DAT05", str(path), "unpacks to more than an MDS shard can hold")
        os.replace(temporary, unpacked)
    except _damage() as error:
        raise DataError("DAT04", str(path), f"damaged: {error}") from None
    finally:
        temporary.unlink(missing_ok=True)
    return unpacked


def _opened(path: Path) -> IO[bytes]:
    """What ``path`` unpacks to, by the ending of its name."""
    with reading(path):
        if path.suffix == ".gz":
            return cast("IO[bytes]", gzip.open(path))
        if path.suffix == ".bz2":
            return cast("IO[bytes]", bz2.open(path))
    if path.suffix not in (".zstd", ".zst"):
        what = f"is compressed as {path.suffix}, which is not read"
        raise DataError("DAT05", str(path), what, "write the shards with compression none, gz, bz2 or zstd")
    try:
        import zstandard
    except ImportError:
        hint = pip_command("install", "gluonlab[zstd]")
        raise SetupError("ENV31", str(path), "zstandard, which unpacks it, is not installed", hint) from None
    with reading(path):
        return cast("IO[bytes]", zstandard.open(path, "rb"))


def _damage() -> tuple[type[Exception], ...]:
    """What unpacking a damaged shard raises."""
    module = sys.modules.get("zstandard")
    return (EOFError, zlib.error, gzip.BadGzipFile, *([module.ZstdError] if module else []))
