"""Image files to a batch, as a network wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment import Augmentation
from gluonlab.data.decode import decode_image, read_view
from gluonlab.data.folder import SUFFIXES
from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits
from gluonlab.data.record_files import SUFFIX as RECORD_SUFFIX
from gluonlab.data.record_source import RecordSource
from gluonlab.data.source import Source
from gluonlab.errors import DataError, Problem

NO_DRAWS = np.zeros(0)


def open_images(paths: Sequence[Path], limits: ImageLimits = DEFAULT_LIMITS) -> list[Source]:
    """What ``paths`` hold: each record file with its labels, then all image files, those of folders too.

    Raises:
        DataError: what `find_images` and `RecordSource` raise.
    """
    records = [path for path in paths if path.suffix == RECORD_SUFFIX and path.is_file()]
    files = find_images([path for path in paths if path not in records])
    sources: list[Source] = [RecordSource(path, limits=limits) for path in records]
    return [*sources, ImageFiles(files, limits)] if files else sources


def find_images(paths: Sequence[Path]) -> list[Path]:
    """``paths``, each folder replaced by the images in it and below, sorted.

    Raises:
        DataError: DAT75, one line for each path that is not there or holds no image.
    """
    found: list[Path] = []
    problems = []
    for path in paths:
        inside = [path] if path.is_file() else sorted(p for p in path.rglob("*") if _is_image(p))
        if not inside:
            what = "holds no images" if path.is_dir() else "no such file"
            problems.append(Problem("DAT75", str(path), what))
        found += inside
    if problems:
        raise DataError.from_problems(problems)
    return found


def _is_image(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


class ImageFiles:
    """Image files as a source, each read when it is asked for; without labels."""

    is_verified = False

    def __init__(self, paths: Sequence[Path], limits: ImageLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self.name = f"{len(paths)} images"
        self.labels: NDArray[np.int64] = np.full(len(paths), -1)
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def encoded(self, index: int) -> bytes:
        """The bytes of file ``index``; raises `DataError` DAT07, DAT75."""
        try:
            return self.limits.read_file(self._paths[index], self.where(index))
        except OSError as error:
            raise DataError("DAT75", self.where(index), error.strerror or "cannot be read") from None

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels); raises `DataError` DAT06, DAT07 or DAT75."""
        return decode_image(self.encoded(index), self.where(index), self.limits)

    def where(self, index: int) -> str:
        """The path of file ``index``."""
        return str(self._paths[index])


def read_batch(
    source: Source,
    augmentation: Augmentation,
    mean: Sequence[float],
    std: Sequence[float],
    indices: Optional[Sequence[int]] = None,
) -> NDArray[np.float32]:
    """Images ``indices`` of ``source``, or all, scaled, cropped, normalised as for validation: (N, C, H, W).

    Raises:
        DataError: one line for each image that cannot be read.
    """
    images: list[NDArray[np.uint8]] = []
    problems: list[Problem] = []
    for index in range(len(source)) if indices is None else indices:
        try:
            images.append(read_view(source, index, augmentation, NO_DRAWS))
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError.from_problems(problems)
    return normalise(np.stack(images), mean, std)


def normalise(images: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]) -> NDArray[np.float32]:
    """Pixels (N, H, W, C) to what networks are given, (N, C, H, W): as `data.collate` does."""
    values = images.transpose(0, 3, 1, 2).astype(np.float32)
    values -= np.array(mean, np.float32).reshape(1, -1, 1, 1)
    values *= 1 / np.array(std, np.float32).reshape(1, -1, 1, 1)
    return values
