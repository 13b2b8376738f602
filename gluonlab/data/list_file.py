"""Images named one by one in a list, as MXNet's ``im2rec`` reads it or with the names of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.decode import decode_image
from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits
from gluonlab.data.retry import read_with_retries
from gluonlab.errors import DataError, Problem

_SHOWN = 10


class ListSource:
    """The images of a list: lines ``number TAB label TAB path`` (``.lst``), or ``path TAB label``.

    Paths are relative to ``root`` and stay below it. A label is a number, or the name of one of ``classes``.
    Raises DataError DAT01 (no list, no image), DAT42 (a bad line, the first ten).
    """

    is_verified = False

    def __init__(
        self,
        path: Union[str, Path],
        root: Union[str, Path],
        classes: Sequence[str] = (),
        limits: ImageLimits = DEFAULT_LIMITS,
    ) -> None:
        self._root = Path(root)
        self.limits = limits
        self.name = Path(path).name
        self.classes = tuple(classes)
        if not Path(path).is_file():
            raise DataError("DAT01", str(path), "no such file")
        ranks = {name: rank for rank, name in enumerate(self.classes)}
        self._files: list[str] = []
        labels: list[int] = []
        problems: list[Problem] = []
        lines = Path(path).read_text("utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                file, label = parse_line(line, ranks)
            except ValueError as error:
                problems.append(Problem("DAT42", f"{self.name} line {number}", str(error)))
                continue
            self._files.append(file)
            labels.append(label)
        if problems:
            raise DataError.from_problems(problems[:_SHOWN])
        if not labels:
            raise DataError("DAT01", str(path), "0 images")
        self.labels: NDArray[np.int64] = np.array(labels, np.int64)

    def __len__(self) -> int:
        return len(self._files)

    def path(self, index: int) -> Path:
        """The file of image ``index``."""
        return self._root / self._files[index]

    def encoded(self, index: int) -> bytes:
        """The bytes of the file of image ``index``; raises DataError DAT01, DAT07."""
        where = self.where(index)
        try:
            return read_with_retries(lambda: self.limits.read_file(self.path(index), where), where)
        except (FileNotFoundError, IsADirectoryError):
            raise DataError("DAT01", where, "no such file", f"it is in {self.name}") from None

    def image(self, index: int) -> NDArray[np.uint8]:
        """Image ``index``: (height, width, channels), RGB or gray; raises DataError DAT06, DAT07."""
        return decode_image(self.encoded(index), self.where(index), self.limits)

    def where(self, index: int) -> str:
        """The path of the file."""
        return str(self.path(index))


def parse_line(line: str, ranks: dict[str, int]) -> tuple[str, int]:
    """Path and label. Raises ValueError that says what is wrong."""
    fields = line.split("\t")
    if len(fields) == 3:
        _, label, file = fields
    elif len(fields) == 2:
        file, label = fields
    else:
        raise ValueError("not 'number TAB label TAB path' or 'path TAB label'")
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts or "\0" in file:
        raise ValueError(f"path {file!r} is not below the folder of images")
    if label in ranks:
        return file, ranks[label]
    try:
        value = float(label)
    except ValueError:
        raise ValueError(f"label {label!r} is no number and no known class") from None
    if value != value or value < 0 or value >= 2**24 or value != int(value):
        raise ValueError(f"label {label} is no class number")
    return file, int(value)
