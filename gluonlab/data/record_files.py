"""Which files a split consists of: one, several, those of a folder, or those that a pattern names."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Union

from gluonlab.errors import DataError

SUFFIX = ".rec"
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
_MOST = 1_000_000


def record_files(where: Union[str, Sequence[str]]) -> list[Path]:
    """The record files of ``where``. Raises DataError DAT01."""
    return files_of(where, SUFFIX)


def files_of(where: Union[str, Sequence[str]], suffix: str) -> list[Path]:
    """The files of ``where``, those of a folder or pattern sorted by name; ``{000..146}`` names each number.

    Raises:
        DataError: DAT01 none is there, or one of those that are named one by one.
    """
    if not isinstance(where, str):
        return [path for one in where for path in files_of(one, suffix)]
    path = Path(where)
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.suffix == suffix and each.is_file())
        if not found:
            raise DataError("DAT01", where, f"no {suffix} files in this folder")
        return found
    if path.is_file():
        return [path]
    if _RANGE.search(where):
        return _all_there([Path(each) for each in numbered(where)])
    if not glob.has_magic(where):
        return [path]
    found = [each for each in map(Path, sorted(glob.glob(where))) if each.is_file()]
    if not found:
        raise DataError("DAT01", where, "no file has such a name")
    return found


def numbered(where: str) -> list[str]:
    """``a-{08..10}`` as ``a-08``, ``a-09``, ``a-10``; others as they are. Raises DataError DAT01."""
    found = _RANGE.search(where)
    if found is None:
        return [where]
    first, last = found.groups()
    if not 0 <= int(last) - int(first) < _MOST:
        raise DataError("DAT01", where, f"{found[0]} is no range")
    numbers = (f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
    return [
        each
        for number in numbers
        for each in numbered(where[: found.start()] + number + where[found.end() :])
    ]


def _all_there(paths: list[Path]) -> list[Path]:
    missing = [path for path in paths if not path.is_file()]
    if missing:
        more = f", the first of {len(missing)} that are missing" if len(missing) > 1 else ""
        raise DataError("DAT01", str(missing[0]), f"no such file{more}")
    return paths
