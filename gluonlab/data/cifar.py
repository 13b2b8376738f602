"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their official binary layout, from a folder or the archive.

A record is one label byte (CIFAR-100: coarse, then fine) and 3,072 bytes of a 32x32 image: the red, the
green, then the blue plane. Format: https://www.cs.toronto.edu/~kriz/cifar.html
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.archives import DAMAGED, check_member
from gluonlab.data.source import ArraySource
from gluonlab.disk import reading
from gluonlab.errors import DataError

IMAGE_BYTES = 3 * 32 * 32
MAX_ARCHIVE_BYTES = 256 << 20  # unpacked; the real ones have 185 MB

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

ReadFile = Callable[[str], bytes]


@dataclass(frozen=True)
class Layout:
    """What the files of one of the two sets are called and hold."""

    folder: str
    files: dict[str, tuple[str, ...]]
    records: dict[str, int]  # in each file of the split
    label_bytes: int
    classes: int


CIFAR10 = Layout(
    folder="cifar-10-batches-bin",
    files={"train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)), "val": ("test_batch.bin",)},
    records={"train": 10_000, "val": 10_000},
    label_bytes=1,
    classes=10,
)
CIFAR100 = Layout(
    folder="cifar-100-binary",
    files={"train": ("train.bin",), "val": ("test.bin",)},
    records={"train": 50_000, "val": 10_000},
    label_bytes=2,
    classes=100,
)


class CifarSource(ArraySource):
    """(N, 32, 32, 3) uint8 in memory; messages name the file an image came from."""

    def __init__(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        name: str,
        classes: Sequence[str],
        files: Sequence[str],
    ) -> None:
        super().__init__(images, labels, name, classes)
        self._files = tuple(files)

    def where(self, index: int) -> str:
        """Set, file, and number of the image in that file."""
        file, image = divmod(index, len(self) // len(self._files))
        return f"{self.name} {self._files[file]}: image {image}"


def load_cifar10(path: Union[str, Path], split: str) -> ArraySource:
    """``split`` "train" (50,000 images) or "val" (10,000) of the folder or ``.tar.gz`` archive ``path``.

    Raises DataError DAT01 (a file is missing), DAT04 (wrong size), DAT12 (label), DAT21 (unsafe archive).
    """
    return _load("cifar10", CIFAR10, _file_reader(Path(path), CIFAR10), split, CIFAR10_CLASSES)


def load_cifar100(path: Union[str, Path], split: str) -> ArraySource:
    """As ``load_cifar10``, with the 100 fine labels; names of ``fine_label_names.txt`` if it is there."""
    read = _file_reader(Path(path), CIFAR100)
    try:
        names = tuple(read("fine_label_names.txt").decode().split())
    except DataError:
        names = ()
    return _load("cifar100", CIFAR100, read, split, names if len(names) == CIFAR100.classes else ())


def _load(name: str, layout: Layout, read: ReadFile, split: str, classes: Sequence[str]) -> ArraySource:
    files, records = layout.files[split], layout.records[split]
    images = np.empty((len(files) * records, 32, 32, 3), np.uint8)
    labels = np.empty(len(images), np.uint8)
    for i, file in enumerate(files):
        rows = slice(i * records, (i + 1) * records)
        where = f"{name} {file}"
        images[rows], labels[rows] = parse_records(read(file), records, layout.label_bytes, where)
    source = CifarSource(images, labels, name, classes, files)
    bad = np.flatnonzero(labels >= layout.classes)
    if bad.size:
        where, label = source.where(int(bad[0])), labels[bad[0]]
        raise DataError("DAT12", where, f"label {label} outside 0..{layout.classes - 1}")
    return source


def parse_records(
    content: bytes, records: int, label_bytes: int, where: str
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images (records, 32, 32, 3) and labels (records,) of one file; DataError DAT04 on any other size."""
    record_bytes = label_bytes + IMAGE_BYTES
    if len(content) != records * record_bytes:
        expected = f"{records} records of {record_bytes} bytes"
        raise DataError("DAT04", where, f"{len(content)} bytes, not {expected}")
    table = np.frombuffer(content, np.uint8).reshape(records, record_bytes)
    planes = table[:, label_bytes:].reshape(records, 3, 32, 32)
    return planes.transpose(0, 2, 3, 1), table[:, label_bytes - 1]


def _file_reader(path: Path, layout: Layout) -> ReadFile:
    """What reads a file of the set by its name, from a folder or an archive."""
    if path.is_file():
        return _archive_reader(path, layout.folder)
    folder = path / layout.folder if (path / layout.folder).is_dir() else path
    largest = max(layout.records.values()) * (layout.label_bytes + IMAGE_BYTES)

    def read(name: str) -> bytes:
        file = folder / name
        if not file.is_file():
            raise DataError(
                "DAT01", str(file), "no such file", f"give the folder or archive of {layout.folder}"
            )
        with reading(file), file.open("rb") as stream:
            return stream.read(largest + 1)  # one byte more shows that the file is too long

    return read


def _archive_reader(path: Path, folder: str) -> ReadFile:
    try:
        with reading(path), gzip.open(path) as stream:
            unpacked = stream.read(MAX_ARCHIVE_BYTES + 1)
        if len(unpacked) > MAX_ARCHIVE_BYTES:
            raise DataError("DAT21", str(path), f"unpacks to more than {MAX_ARCHIVE_BYTES >> 20} MiB")
        archive = tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:")  # noqa: SIM115
        members = {member.name: member for member in archive}
    except DAMAGED as error:
        raise DataError("DAT04", str(path), f"damaged archive: {error}") from None
    for member in members.values():
        check_member(member, str(path))

    def read(name: str) -> bytes:
        member = members.get(f"{folder}/{name}")
        stream = archive.extractfile(member) if member else None
        if stream is None:
            raise DataError("DAT01", str(path), f"has no file {folder}/{name}")
        return stream.read()

    return read
