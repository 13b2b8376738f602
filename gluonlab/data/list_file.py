"""Images named one by one in a list, as MXNet's ``im2rec`` reads it or with the names of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, Union

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.decode import decode_image
from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits
from gluonlab.data.retry import read_with_retries
from gluonlab.disk import reading
from gluonlab.errors import DataError, Problem

_SHOWN = 10
NO_ID = -1


class ListSource:
    """The images of a list: lines ``number TAB label TAB path`` (``.lst``), or ``path TAB label``.

    Paths are relative to ``root`` and stay below it. A label is a number, or the name of one of ``classes``.
    As with ``im2rec``, blanks and tabs around fields and lines do not count, nor do empty lines. ``ids`` are
    the numbers (N,), None where a line has none or one comes again, of which ``warnings`` tell. Raises
    DataError DAT01 (no list, no image), DAT42 (a bad line, the first ten).
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
        ids: list[int] = []
        problems: list[Problem] = []
        with reading(path), Path(path).open(encoding="utf-8-sig", errors="replace") as lines:
            for number, text in enumerate(lines, start=1):
                if not text.strip():
                    continue
                try:
                    line = parse_line(text, ranks)
                except ValueError as error:
                    problems.append(Problem("DAT42", f"{self.name} line {number}", str(error)))
                    continue
                self._files.append(line.file)
                labels.append(line.label)
                ids.append(line.id)
        if problems:
            raise DataError.from_problems(problems[:_SHOWN])
        if not labels:
            raise DataError("DAT01", str(path), "0 images")
        self.labels: NDArray[np.int64] = np.array(labels, np.int64)
        numbers = np.array(ids, np.int64)
        self.warnings = self._repeated(numbers)
        self.ids = None if self.warnings or NO_ID in numbers else numbers

    def _repeated(self, numbers: NDArray[np.int64]) -> list[str]:
        """A line on the numbers that come again, if there are any."""
        order = np.argsort(numbers, kind="stable")
        is_again = (np.diff(numbers[order]) == 0) & (numbers[order][1:] != NO_ID)
        if not is_again.any():
            return []
        place = int(np.argmin(np.where(is_again, order[1:], len(order))))
        one, other = (self._files[index] for index in order[place : place + 2])
        return [
            f"{self.name}: {is_again.sum():,} of {len(numbers):,} numbers come a second time, such as "
            f"{numbers[order[place]]} of {one} and {other}; its images are numbered by their places"
        ]

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


class ListLine(NamedTuple):
    """An image: its file, its class, and its number, if it has one that a record can hold."""

    file: str
    label: int
    id: int = NO_ID


def parse_line(line: str, ranks: dict[str, int]) -> ListLine:
    """What a line says. Raises ValueError that says what is wrong."""
    fields = [field.strip() for field in line.strip().split("\t")]
    number = ""
    if len(fields) == 3:
        number, label, file = fields
    elif len(fields) == 2:
        file, label = fields
    else:
        raise ValueError("not 'number TAB label TAB path' or 'path TAB label'")
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts or "\0" in file:
        raise ValueError(f"path {file!r} is not below the folder of images")
    id = int(number) if number.isdecimal() and int(number) < 2**63 else NO_ID
    if label in ranks:
        return ListLine(file, ranks[label], id)
    try:
        value = float(label)
    except ValueError:
        raise ValueError(f"label {label!r} is no number and no known class") from None
    if value != value or value < 0 or value >= 2**24 or value != int(value):
        raise ValueError(f"label {label} is no class number")
    return ListLine(file, int(value), id)
