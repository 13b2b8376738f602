"""Calls on files and folders whose errors say which path, and what was wrong with it."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make ``path`` and what is missing above it; ``mode`` is that of ``path`` alone.

    Raises:
        OSError: for ``path``; where a link that leads nowhere or a file is in the way, it says so.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except FileExistsError as error:
        at = Path(error.filename)
        what = f"is a link to {os.readlink(at)}, which is not there" if at.is_symlink() else "is a file"
        where = "" if at == path else f"{at} "
        raise FileExistsError(errno.EEXIST, where + what, str(path)) from None
