"""Files of data sets from their official addresses, with the checksum of every file known beforehand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Optional

from gluonlab.data.archives import unpack
from gluonlab.data.published import Publication, RemoteFile
from gluonlab.data.recordio import temporary_path
from gluonlab.disk import blocks_of, make_folder, sha256_of, writing
from gluonlab.download import UnreachableError, opened
from gluonlab.errors import DataError

Progress = Callable[[int, int], None]

MAX_UNPACKED = 256 << 20


def fetch(
    publication: Publication,
    folder: Path,
    *,
    archive: Optional[Path] = None,
    address: Optional[str] = None,
    progress: Optional[Progress] = None,
) -> list[Path]:
    """The files of ``publication`` in ``folder``, archives unpacked; returns their paths.

    A file that is there and right is not fetched again. ``archive`` is a file, or a folder of files, that was
    fetched by other means; ``address`` another place that has them. ``progress`` is told (bytes, of bytes).
    Nothing is opened before its checksum is right.
    Raises DataError DAT43 (cannot be fetched), DAT44 (another checksum), DAT04, DAT21.
    """
    make_folder(folder)
    paths: list[Path] = []
    total = sum(file.size for file in publication.files)
    done = 0
    for file in publication.files:
        target = folder / file.name
        if not _is_right(target, file):
            if archive:
                blocks = blocks_of(_given(archive, file))
            else:
                blocks = _download(address or publication.address, file)
            _receive(blocks, target, file, partial(_tell, progress, done, total))
        done += file.size
        if file.name.endswith(".tar.gz"):
            paths += unpack(target, folder, max_bytes=MAX_UNPACKED)
        else:
            paths.append(target)
    return paths


def _tell(progress: Optional[Progress], done: int, total: int, size: int) -> None:
    if progress:
        progress(done + size, total)


def _is_right(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and path.stat().st_size == file.size and sha256_of(path) == file.sha256


def _given(archive: Path, file: RemoteFile) -> Path:
    path = archive / file.name if archive.is_dir() else archive
    if not path.is_file():
        raise DataError("DAT01", str(path), "no such file")
    return path


def _download(address: str, file: RemoteFile) -> Iterator[bytes]:
    url = address.rstrip("/") + "/" + file.name
    try:
        with opened(url) as answer:
            yield from answer.blocks()
    except UnreachableError as error:
        hint = "fetch it by other means and give --archive FILE"
        raise DataError("DAT43", url, str(error), hint) from None


def _receive(blocks: Iterator[bytes], target: Path, file: RemoteFile, tell: Callable[[int], None]) -> None:
    """Write ``blocks`` to ``target`` if they are what they should be; else leave nothing."""
    temporary = temporary_path(target)
    digest, size = hashlib.sha256(), 0
    try:
        with writing(target), temporary.open("wb") as output:
            for block in blocks:
                size += len(block)
                if size > file.size:
                    break
                digest.update(block)
                output.write(block)
                tell(size)
        if size != file.size or digest.hexdigest() != file.sha256:
            what = (
                f"{size} of {file.size} bytes" if size < file.size else "another file than the published one"
            )
            raise DataError("DAT44", file.name, f"wrong checksum: {what}", "fetch it again")
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
