"""Archives from elsewhere: everything in them is looked at before anything is written."""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from pathlib import Path, PurePosixPath

from gluonlab.data.recordio import temporary_path
from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import DataError

MAX_FILES = 1000
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError)


def check_member(member: tarfile.TarInfo, where: str) -> None:
    """Raises DataError DAT21 unless ``member`` is a file or folder below the place of unpacking."""
    path = PurePosixPath(member.name)
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\0" in member.name
        or not (member.isreg() or member.isdir())
    ):
        raise DataError("DAT21", where, f"unsafe member {member.name!r}", "nothing was unpacked")


def unpack(archive: Path, folder: Path, *, max_bytes: int, max_files: int = MAX_FILES) -> list[Path]:
    """Write the files of the ``.tar.gz`` ``archive`` below ``folder``; returns their paths.

    They appear only when all are written. Raises DataError DAT04 (damaged), DAT21 (unsafe member, more
    than ``max_bytes`` or ``max_files``).
    """
    where = str(archive)
    try:
        with reading(archive), tarfile.open(archive, "r:gz") as tar:
            members = []
            total = 0
            for member in tar:  # one header after the other, so that a bomb is seen before it is read
                check_member(member, where)
                total += member.size
                members.append(member)
                if total > max_bytes or len(members) > max_files:
                    raise DataError("DAT21", where, f"more than {max_bytes} bytes or {max_files} files")
            return _write(tar, [member for member in members if member.isreg()], folder)
    except DAMAGED as error:
        raise DataError("DAT04", where, f"damaged archive: {error}") from None


def _write(tar: tarfile.TarFile, members: list[tarfile.TarInfo], folder: Path) -> list[Path]:
    make_folder(folder)
    staging = temporary_path(folder / "unpacking")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for member in members:
            target = staging / member.name
            make_folder(target.parent)
            stream = tar.extractfile(member)
            assert stream is not None, "a regular file has content"
            with writing(target), stream, target.open("xb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
        paths = []
        for member in members:
            target = folder / member.name
            make_folder(target.parent)
            os.replace(staging / member.name, target)
            paths.append(target)
        return paths
    finally:
        shutil.rmtree(staging, ignore_errors=True)
