"""Data sets from their official addresses, with the checksum of every file known beforehand."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Optional

from gluonlab.data.archives import unpack
from gluonlab.data.recordio import temporary_path
from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import DataError

Progress = Callable[[int, int], None]

TIMEOUT_SECONDS = 30
MAX_UNPACKED = 256 << 20
_BLOCK = 1 << 20


@dataclass(frozen=True)
class RemoteFile:
    """A file, its size in bytes and its SHA-256."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class DataSet:
    """Where a data set is published: files below ``address``; archives are unpacked."""

    address: str
    files: tuple[RemoteFile, ...]
    homepage: str


_CIFAR = "https://www.cs.toronto.edu/~kriz/"
DATA_SETS = {
    "cifar10": DataSet(
        _CIFAR,
        (
            RemoteFile(
                "cifar-10-binary.tar.gz",
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
        _CIFAR + "cifar.html",
    ),
    "cifar100": DataSet(
        _CIFAR,
        (
            RemoteFile(
                "cifar-100-binary.tar.gz",
                168_513_733,
                "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
            ),
        ),
        _CIFAR + "cifar.html",
    ),
    "mnist": DataSet(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",  # the authors' page has no files any more
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ),
        "http://yann.lecun.com/exdb/mnist/",
    ),
    "fashion_mnist": DataSet(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        (
            RemoteFile(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            RemoteFile(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            RemoteFile(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            RemoteFile(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ),
        "https://github.com/zalandoresearch/fashion-mnist",
    ),
}


def fetch(
    data_set: DataSet,
    folder: Path,
    *,
    archive: Optional[Path] = None,
    address: Optional[str] = None,
    progress: Optional[Progress] = None,
) -> list[Path]:
    """The files of ``data_set`` in ``folder``, archives unpacked; returns their paths.

    A file that is there and right is not fetched again. ``archive`` is a file, or a folder of files, that was
    fetched by other means; ``address`` another place that has them. ``progress`` is told (bytes, of bytes).
    Nothing is opened before its checksum is right.
    Raises DataError DAT43 (cannot be fetched), DAT44 (another checksum), DAT04, DAT21.
    """
    make_folder(folder)
    paths: list[Path] = []
    total = sum(file.size for file in data_set.files)
    done = 0
    for file in data_set.files:
        target = folder / file.name
        if not _is_right(target, file):
            blocks = _read(_given(archive, file)) if archive else _download(address or data_set.address, file)
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
    return path.is_file() and path.stat().st_size == file.size and _sha256(path) == file.sha256


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    for block in _read(path):
        digest.update(block)
    return digest.hexdigest()


def _given(archive: Path, file: RemoteFile) -> Path:
    path = archive / file.name if archive.is_dir() else archive
    if not path.is_file():
        raise DataError("DAT01", str(path), "no such file")
    return path


def _read(path: Path) -> Iterator[bytes]:
    with reading(path), path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _download(address: str, file: RemoteFile) -> Iterator[bytes]:
    url = address.rstrip("/") + "/" + file.name
    if not url.startswith(("https://", "http://")):
        raise DataError("DAT43", url, "is no address of the web")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS) as response:
            while block := response.read(_BLOCK):
                yield block
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise DataError(
            "DAT43", url, f"cannot be fetched: {error}", "fetch it by other means and give --archive FILE"
        ) from None


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
