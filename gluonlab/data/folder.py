"""A folder of images, one sub-folder for each class."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Optional, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.decode import decode_image
from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits
from gluonlab.data.retry import read_with_retries
from gluonlab.data.source import checksum_of
from gluonlab.data.verification.index import VerifiedIndex
from gluonlab.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


class FolderSource:
    """The images ``root/<class>/<file>``, files sorted; label = rank in ``classes``, else by name.

    Hidden names and files that are no images by their suffix are left out. Raises DataError DAT01 if
    there is no class or a class has no image. With the ``index`` of a verification, each file must have its
    checksum: DataError DAT08.
    """

    def __init__(
        self,
        root: Union[str, Path],
        index: Optional[VerifiedIndex] = None,
        classes: Sequence[str] = (),
        limits: ImageLimits = DEFAULT_LIMITS,
    ) -> None:
        self.crcs = index.records.crcs if index else None
        self.digests = index.records.digests if index else None
        self.limits = limits
        self.is_verified = index is not None
        self.warnings: Sequence[str] = ()
        self.root = Path(root)
        self.name = self.root.name or str(root)
        if not self.root.is_dir():
            raise DataError("DAT01", str(root), "no such folder")
        found = sorted(e.name for e in os.scandir(root) if e.is_dir() and not e.name.startswith("."))
        if not found:
            raise DataError(
                "DAT01", str(root), "no class folders", "it holds one folder of images for each class"
            )
        unknown = sorted(set(found) - set(classes)) if classes else []
        if unknown:
            raise DataError("DAT12", str(root), f"folder {unknown[0]!r} is no class of the list of names")
        self.classes = tuple(classes) or tuple(found)
        self._files: list[str] = []
        counts = []
        for name in self.classes:
            files = _image_names(self.root / name) if name in found else []
            self._files += files
            counts.append(len(files))
        self.labels: NDArray[np.int64] = np.repeat(np.arange(len(counts), dtype=np.int64), counts)

    def __len__(self) -> int:
        return len(self._files)

    def path(self, index: int) -> Path:
        """The file of image ``index``."""
        return self.root.joinpath(self.classes[int(self.labels[index])], self._files[index])

    def encoded(self, index: int) -> bytes:
        """The bytes of the file of image ``index``."""
        where = self.where(index)
        content = read_with_retries(lambda: self.limits.read_file(self.path(index), where), where)
        if self.crcs is not None and zlib.crc32(content) != self.crcs[index]:
            raise DataError("DAT08", where, "differs from its checksum", "verify the folder again")
        return content

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels), RGB or gray; raises DataError DAT06, DAT07."""
        return decode_image(self.encoded(index), self.where(index), self.limits)

    def checksum(self, start: int, stop: int) -> Optional[int]:
        """A CRC-32 over those that the verification found for files ``start`` to ``stop - 1``."""
        return checksum_of(self.crcs, start, stop)

    def where(self, index: int) -> str:
        """The path of the file."""
        return str(self.path(index))


def _image_names(folder: Path) -> list[str]:
    names = sorted(
        entry.name
        for entry in os.scandir(folder)
        if entry.name.lower().endswith(SUFFIXES) and not entry.name.startswith(".") and entry.is_file()
    )
    if not names:
        raise DataError("DAT01", str(folder), "no images", f"they end in {', '.join(SUFFIXES)}")
    return names
