"""MNIST and Fashion-MNIST from their IDX files, plain or gzipped.

IDX format (LeCun, Cortes, Burges, "The MNIST database"): big-endian uint32 magic 0x0800 + number of
dimensions, one uint32 for each dimension, then bytes.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import IO, Union, cast

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.source import ArraySource, check_labels
from gluonlab.errors import DataError

PREFIXES = {"train": "train", "val": "t10k"}
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
IMAGE_SHAPE = (28, 28)
MAX_IMAGES = 1_000_000
_UBYTE_MAGIC = 0x0800


def load_fashion_mnist(path: Union[str, Path], split: str) -> ArraySource:
    """Fashion-MNIST (Xiao et al. 2017) as ``load_mnist`` reads it; the files of both look alike."""
    return _load(path, split, "fashion_mnist", FASHION_CLASSES)


def load_mnist(path: Union[str, Path], split: str) -> ArraySource:
    """``split`` "train" or "val" (the ``t10k`` files) of the folder ``path``: (N, 28, 28, 1) uint8.

    Labels are 0 to 9. Raises DataError DAT01 (a file is missing), DAT04 (damaged or of wrong size), DAT05
    (wrong header), DAT12 (label).
    """
    return _load(path, split, "mnist", tuple("0123456789"))


def _load(path: Union[str, Path], split: str, name: str, classes: tuple[str, ...]) -> ArraySource:
    prefix = PREFIXES[split]
    images = read_idx(_find(Path(path), f"{prefix}-images", dimensions=3), IMAGE_SHAPE)
    labels = read_idx(_find(Path(path), f"{prefix}-labels", dimensions=1), ())
    source = ArraySource(images[..., None], labels, f"{name} {split}", classes)
    check_labels(source, 10)
    return source


def read_idx(path: Path, item_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The bytes of an IDX file of N items of ``item_shape``: (N, *item_shape)."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with cast("IO[bytes]", opener(path, "rb")) as stream:
            shape = _read_shape(stream, item_shape, path)
            size = math.prod(shape)
            content = stream.read(size + 1)  # one byte more shows that the file is too long
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError("DAT04", str(path), f"damaged: {error}") from None
    if len(content) != size:
        difference = "more" if len(content) > size else "fewer"
        raise DataError("DAT04", str(path), f"{difference} bytes than its header says ({size})")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_shape(stream: IO[bytes], item_shape: tuple[int, ...], path: Path) -> tuple[int, ...]:
    dimensions = 1 + len(item_shape)
    header = stream.read(4 + 4 * dimensions)
    if len(header) != 4 + 4 * dimensions:
        raise DataError("DAT04", str(path), "truncated")
    magic, count, *rest = np.frombuffer(header, ">u4").tolist()
    if magic != _UBYTE_MAGIC + dimensions:
        raise DataError(
            "DAT05", str(path), f"magic number {magic:#010x}, not {_UBYTE_MAGIC + dimensions:#010x}"
        )
    if tuple(rest) != item_shape or not 0 < count <= MAX_IMAGES:
        raise DataError("DAT05", str(path), f"dimensions {(count, *rest)}, not {('N', *item_shape)}")
    return (count, *item_shape)


def _find(folder: Path, stem: str, dimensions: int) -> Path:
    for separator in "-.":
        for suffix in ("", ".gz"):
            path = folder / f"{stem}{separator}idx{dimensions}-ubyte{suffix}"
            if path.is_file():
                return path
    raise DataError("DAT01", str(folder / f"{stem}-idx{dimensions}-ubyte"), "no such file, nor its .gz")
