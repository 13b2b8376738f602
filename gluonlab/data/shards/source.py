"""The images of a shard, read from where its verification found them."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.classes import read_class_names
from gluonlab.data.decode import decode_image
from gluonlab.data.image_limits import ImageLimits
from gluonlab.data.retry import read_with_retries
from gluonlab.data.source import checksum_of
from gluonlab.data.verification.index import VerifiedIndex, unpacked_path
from gluonlab.errors import DataError

CLASSES = "classes.txt"


class _OpenFile:
    """An open file; copies of a source share it, and the last one closes it."""

    def __init__(self, path: Path) -> None:
        self._fd = -1
        self._fd = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def read(self, size: int, offset: int) -> bytes:
        """``size`` bytes from ``offset`` on, or as many as there are."""
        descriptor = self._fd
        return os.pread(descriptor, size, offset)


class ShardSource:
    """The images of the shard ``path``, in its order; safe for threads.

    ``classes`` are those that the shard names, else the lines of ``classes.txt`` beside it, if it is there.
    """

    is_verified = True

    def __init__(self, path: Path, index: VerifiedIndex, limits: ImageLimits) -> None:
        records = index.records
        self._offsets, self._sizes = records.offsets, records.sizes
        self.crcs: Optional[NDArray[np.uint32]] = records.crcs
        self.digests: Optional[NDArray[np.uint64]] = records.digests
        self.limits = limits
        self.name = path.name
        self.labels: NDArray[np.int64] = records.labels.astype(np.int64)
        self.warnings: Sequence[str] = ()
        names = path.with_name(CLASSES)
        self.classes = index.classes or (read_class_names(names) if names.is_file() else ())
        self._file = _OpenFile(unpacked_path(path) if index.unpacked else path)

    def __len__(self) -> int:
        return len(self.labels)

    def encoded(self, index: int) -> bytes:
        """The stored bytes of image ``index``. Raises DataError DAT07 (too many), DAT08 (not as verified)."""
        where, size = self.where(index), int(self._sizes[index])
        self.limits.check_bytes(size, where)
        content = read_with_retries(lambda: self._file.read(size, int(self._offsets[index])), where)
        assert self.crcs is not None, "each image of an index has one"
        if zlib.crc32(content) != self.crcs[index]:
            what = "differs from its checksum" if len(content) == size else "is cut short"
            raise DataError("DAT08", where, what, "verify the shard again, or fetch it")
        return content

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels), RGB or gray; raises DataError DAT06, DAT07."""
        return decode_image(self.encoded(index), self.where(index), self.limits)

    def checksum(self, start: int, stop: int) -> Optional[int]:
        """A CRC-32 over those that the verification found for images ``start`` to ``stop - 1``."""
        return checksum_of(self.crcs, start, stop)

    def where(self, index: int) -> str:
        """Shard, number and byte of the image."""
        return f"{self.name}: image {index} at byte {self._offsets[index]}"
