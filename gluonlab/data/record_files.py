"""Which record files a split consists of: one, several, those of a folder, or those that a pattern names."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Union

from gluonlab.errors import DataError

SUFFIX = ".rec"


def record_files(where: Union[str, Sequence[str]]) -> list[Path]:
    """The files of ``where``, those of a folder or pattern sorted by name. Raises DataError DAT01."""
    if not isinstance(where, str):
        return [path for one in where for path in record_files(one)]
    path = Path(where)
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.suffix == SUFFIX and each.is_file())
        if not found:
            raise DataError("DAT01", where, f"no {SUFFIX} files in this folder")
        return found
    if path.is_file() or not glob.has_magic(where):
        return [path]
    found = [each for each in map(Path, sorted(glob.glob(where))) if each.is_file()]
    if not found:
        raise DataError("DAT01", where, "no file has such a name")
    return found
