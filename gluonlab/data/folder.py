"""A folder of images, one sub-folder for each class."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.decode import decode_image
from gluonlab.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


class FolderSource:
    """The images ``root/<class>/<file>``: classes sorted by name, label = rank of the class, files sorted.

    Hidden names and files that are no images by their suffix are left out. Raises DataError DAT01 if
    there is no class or a class has no image.
    """

    is_verified = False

    def __init__(self, root: Union[str, Path]) -> None:
        self.root = Path(root)
        self.name = self.root.name or str(root)
        if not self.root.is_dir():
            raise DataError("DAT01", str(root), "no such folder")
        self.classes = tuple(
            sorted(
                entry.name for entry in os.scandir(root) if entry.is_dir() and not entry.name.startswith(".")
            )
        )
        if not self.classes:
            raise DataError("DAT01", str(root), "no class folders")
        self._files: list[str] = []
        counts = []
        for name in self.classes:
            files = _image_names(self.root / name)
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
        return self.path(index).read_bytes()

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels), RGB or gray; raises DataError DAT06."""
        return decode_image(self.encoded(index), self.where(index))

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
