"""Reading a checkpoint: nothing is taken from it before sizes and SHA-256 of all files are as written."""

from __future__ import annotations

import errno
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from gluonlab.checkpoint.tensors import Tensors, read_tensors
from gluonlab.disk import reading
from gluonlab.errors import CheckpointError
from gluonlab.fault_injection import fault_point
from gluonlab.retry import PASSING, retried

FORMAT = 1
MANIFEST = "MANIFEST.json"
MANIFEST_BYTES = 1 << 20  # at most; ours have about 600
_NAME = re.compile(r"[\w-]{1,100}\.(safetensors|json)")
_NO_MORE_FILES = (errno.EMFILE, errno.ENFILE)  # a limit of this process, and no fault of the checkpoint's


class DamagedError(CheckpointError):
    """The content of a checkpoint is not what was written: it will never be good again."""


class MissingError(CheckpointError):
    """A checkpoint, or a file of it, is not there."""


class UnreadableError(CheckpointError):
    """A checkpoint cannot be read here and now, which says nothing about its content."""


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint directory; ``state`` is its JSON part, ``files`` are the names of all parts."""

    path: Path
    step: int
    state: dict[str, Any]
    files: tuple[str, ...]

    def tensors(self, name: str) -> Tensors:
        """The arrays of ``<name>.safetensors``, by name.

        Raises:
            CheckpointError: CKP02 if there are none, or no longer; as `read_tensors`.
        """
        file = f"{name}.safetensors"
        if file not in self.files:
            raise MissingError("CKP02", str(self.path), f"was saved without {file}")
        if not (self.path / file).exists():
            raise MissingError(
                "CKP02",
                str(self.path),
                "was removed since it was found",
                "the same command takes a later one",
            )
        return read_tensors(self.path / file)


def read_checkpoint(path: Path) -> Checkpoint:
    """Verify the checkpoint directory ``path`` against its manifest and read its state.

    What may pass, on a network file system also that a file is not there yet, is tried again.

    Raises:
        DamagedError: CKP03 if anything about it is not as written.
        MissingError: CKP02 if it is not there, or a file of it.
        UnreadableError: CKP05 if it cannot be read now, or not by this version.
    """
    try:
        return retried(lambda: _read(path), (*PASSING, errno.ENOENT))
    except OSError as error:
        if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise unreadable(error, path) from None
        where = str(error.filename or path)
        what = f"has no {MANIFEST}" if where == str(path / MANIFEST) else "is not there"
        raise MissingError("CKP02", str(path) if MANIFEST in what else where, what) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError("CKP03", str(path), f"damaged manifest or state: {error}") from None


def unreadable(error: OSError, path: Path) -> UnreadableError:
    """``error`` of reading ``path`` as one of ours; raises it if this process may open no more files."""
    if error.errno in _NO_MORE_FILES:
        raise error
    what = f"cannot be read ({error.strerror or error})"
    return UnreadableError("CKP05", str(error.filename or path), what, "mend that; it may be good")


def score_of(path: Path) -> Optional[float]:
    """The validation score that the checkpoint ``path`` was saved with; None if it has none, or is damaged.

    OSError if that cannot be read now.
    """
    try:
        score = _read_manifest(path).get("score")
        return None if score is None else float(score)
    except (
        FileNotFoundError, CheckpointError, ValueError, KeyError, TypeError, AttributeError, RecursionError,
    ):  # fmt: skip
        return None


def _read(path: Path) -> Checkpoint:
    manifest = _read_manifest(path)
    for name, expected in manifest["files"].items():
        if not _NAME.fullmatch(name):
            raise DamagedError("CKP03", str(path / MANIFEST), f"names {name!r}, no file of a checkpoint")
        _verify_file(path / name, expected["bytes"], expected["sha256"])
    state = json.loads(b"".join(_blocks(path / "state.json")))
    return Checkpoint(path, int(manifest["step"]), dict(state), tuple(manifest["files"]))


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if file.stat().st_size > MANIFEST_BYTES:
        raise DamagedError("CKP03", str(file), f"has more than {MANIFEST_BYTES:,} bytes")
    manifest: dict[str, Any] = json.loads(b"".join(_blocks(file)))
    if manifest["format"] != FORMAT:
        what = f"has format {manifest['format']}, this version reads {FORMAT}"
        raise UnreadableError("CKP05", str(path), what)
    return manifest


def _verify_file(path: Path, size: int, sha256: str) -> None:
    found = path.stat().st_size
    if found != size:
        raise DamagedError("CKP03", str(path), f"has {found} bytes, {size} were written")
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    if digest.hexdigest() != sha256:
        raise DamagedError("CKP03", str(path), "content differs from what was written (SHA-256)")


def _blocks(path: Path) -> Iterator[bytes]:
    """The content of ``path``; an OSError names the file, which that of a read by itself does not."""
    with reading(path), path.open("rb") as file:
        fault_point("checkpoint.read")
        while block := file.read(1 << 20):
            yield block
