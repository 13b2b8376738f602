"""What a data set is to the rest of gluonlab: labels known at once, images read one by one."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any, Optional, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.image_limits import ImageLimits
from gluonlab.errors import DataError


class Source(Protocol):
    """A labelled set of images with random access; safe to read from many threads."""

    name: str
    labels: NDArray[np.int64]  # (N,)

    def __len__(self) -> int:
        """Number of images N."""

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels), 1 channel (gray) or 3 (RGB)."""

    def where(self, index: int) -> str:
        """Where image ``index`` lies, as messages say it."""


@runtime_checkable
class EncodedSource(Protocol):
    """A source that can also hand out an image as the bytes of its file.

    ``is_verified``: all bytes that it hands out are known to decode without complaint. ``limits`` are those
    of its images.
    """

    is_verified: bool
    limits: ImageLimits

    def encoded(self, index: int) -> bytes:
        """The stored bytes of image ``index``."""


@runtime_checkable
class ChecksummedSource(Protocol):
    """A source that tells a checksum of its images without decoding or, from files, reading them."""

    def __len__(self) -> int:
        """Number of images N."""

    def checksum(self, start: int, stop: int) -> Optional[int]:
        """A CRC-32 that changes with the content of images ``start`` to ``stop - 1``; None if not known."""


def checksum_of(crcs: Optional[NDArray[np.uint32]], start: int, stop: int) -> Optional[int]:
    """`ChecksummedSource.checksum` from those of single images, if they are known."""
    return None if crcs is None else zlib.crc32(crcs[start:stop].astype("<u4").tobytes())


class ArraySource:
    """Arrays in memory, (N, ...) of any shape and dtype, handed out as they are; labels (N,).

    Images are (N, height, width, channels) uint8 where a transform or the device normalises them.
    ``classes`` names the classes in the order of their labels, or is empty. Raises DataError DAT01 if
    there is no image, DAT12 if there is not one label for each.
    """

    def __init__(
        self, images: NDArray[Any], labels: NDArray[Any], name: str = "arrays", classes: Sequence[str] = ()
    ) -> None:
        if len(images) == 0:
            raise DataError("DAT01", name, "0 images")
        if labels.shape != (len(images),):
            raise DataError("DAT12", name, f"{len(images)} images but labels of shape {labels.shape}")
        self.name = name
        self.labels: NDArray[np.int64] = labels.astype(np.int64)
        self.classes = tuple(classes)
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def image(self, index: int) -> NDArray[Any]:
        """Image ``index``, a view: (height, width, channels)."""
        return self._images[index]  # type: ignore[no-any-return]

    def checksum(self, start: int, stop: int) -> int:
        """A CRC-32 of images ``start`` to ``stop - 1``: 1 GB takes about a second."""
        return zlib.crc32(np.ascontiguousarray(self._images[start:stop]).data)

    def where(self, index: int) -> str:
        """The name of the set and the number of the image."""
        return f"{self.name}: image {index}"


def check_labels(source: Source, classes: int) -> None:
    """Raises DataError DAT12, naming the first bad image, unless all labels are in 0..classes - 1."""
    is_bad = (source.labels < 0) | (source.labels >= classes)
    if is_bad.any():
        index = int(is_bad.argmax())
        raise DataError(
            "DAT12", source.where(index), f"label {source.labels[index]} outside 0..{classes - 1}"
        )
