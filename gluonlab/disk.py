"""Calls on files and folders whose errors say which path, and what was wrong with it."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Optional, Union

BLOCK_BYTES = 1 << 20


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


class Doing:
    """A context in which an error of the system gets to know the file, and what is done with it.

    The error of a read, write or flush of an open file does not name it. What is done becomes a note of the
    error, as those of Python 3.11; errors that know both keep them.
    """

    def __init__(self, what: str, path: Union[str, Path]) -> None:
        self._what, self._path = what, path

    def __enter__(self) -> None:
        """Begin; only the end does something."""

    def __exit__(self, kind: object, error: Optional[BaseException], trace: object) -> None:
        """Name the file in ``error``, unless it is none of the system's."""
        if not isinstance(error, OSError) or error.errno is None:
            return
        if error.filename is None:
            error.filename = str(self._path)
        if not notes_of(error):
            error.__dict__["__notes__"] = [f"while {self._what}"]


def reading(path: Union[str, Path]) -> Doing:
    """A context in which ``path`` is read."""
    return Doing("reading it", path)


def writing(path: Union[str, Path]) -> Doing:
    """A context in which ``path`` is written."""
    return Doing("writing it", path)


def blocks_of(path: Path) -> Iterator[bytes]:
    """The content of ``path`` in blocks; an OSError names the file."""
    with reading(path), path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            yield block


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; an OSError names the file."""
    digest = hashlib.sha256()
    for block in blocks_of(path):
        digest.update(block)
    return digest.hexdigest()


def notes_of(error: BaseException) -> list[str]:
    """What was being done, as far as somebody noted it."""
    return list(getattr(error, "__notes__", ()))
