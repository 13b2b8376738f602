"""Directories of checkpoints on disk.

``step-00000123/`` holds safetensors files, ``state.json`` and ``MANIFEST.json`` with the size and
SHA-256 of each. It is written under another name, flushed to the disk and renamed, so it exists
completely or not at all, and the one before it is not touched.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import numpy as np
import safetensors.numpy

from gluonlab.checkpoint.tensors import Tensors, read_tensors
from gluonlab.errors import CheckpointError

FORMAT = 1

_NAME = re.compile(r"step-(\d{8,})")
_log = logging.getLogger("gluonlab")


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint directory; ``state`` is its JSON part."""

    path: Path
    step: int
    state: dict[str, Any]

    def tensors(self, name: str) -> Tensors:
        """The arrays of ``<name>.safetensors``, by name."""
        return read_tensors(self.path / f"{name}.safetensors")


class CheckpointStore:
    """The checkpoints of one run; the last ``keep`` are kept."""

    def __init__(self, directory: Path, keep: int = 2) -> None:
        self.directory = directory
        self._keep = keep

    def save(self, step: int, tensors: Mapping[str, Tensors], state: Mapping[str, Any]) -> Path:
        """Write one file for each entry of ``tensors``, and ``state``; returns the directory.

        A checkpoint of this step that is there already stays as it is.

        Raises:
            CheckpointError: CKP01 if it cannot be written; nothing is left behind.
        """
        final = self.directory / f"step-{step:08d}"
        if final.exists():
            return final
        temporary = self.directory / f".{final.name}.tmp-{os.getpid()}"
        try:
            temporary.mkdir(parents=True, mode=0o700)
            files = {f"{name}.safetensors": _serialise(arrays) for name, arrays in tensors.items()}
            files["state.json"] = (json.dumps(state, indent=1) + "\n").encode()
            manifest = {
                "format": FORMAT,
                "step": step,
                "files": {name: {"bytes": len(raw), "sha256": _sha256(raw)} for name, raw in files.items()},
            }
            for name, raw in files.items():
                _write_durably(temporary / name, raw)
            _write_durably(temporary / "MANIFEST.json", json.dumps(manifest, indent=1).encode())
            _flush_directory(temporary)
            os.rename(temporary, final)
            _flush_directory(self.directory)
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise CheckpointError(
                "CKP01",
                str(final),
                f"cannot be written: {error.strerror}",
                "the checkpoints before it are intact",
            ) from error
        self._remove_old()
        return final

    def steps(self) -> list[int]:
        """Steps of the checkpoints that exist, ascending; not verified."""
        if not self.directory.is_dir():
            return []
        names = (_NAME.fullmatch(path.name) for path in self.directory.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def load(self, step: int) -> Checkpoint:
        """The checkpoint of ``step``, verified.

        Raises:
            CheckpointError: CKP02 if there is none, CKP03 if it is damaged.
        """
        return read_checkpoint(self.directory / f"step-{step:08d}")

    def latest(self, set_damaged_aside: bool = False) -> Optional[Checkpoint]:
        """The newest good checkpoint, with a warning for each newer one that is damaged; or None.

        Only the process that writes this store may have damaged ones renamed, so that their steps can
        be saved again.
        """
        for step in reversed(self.steps()):
            try:
                return self.load(step)
            except CheckpointError as error:
                _log.warning("%s; falling back to the one before", error)
                if set_damaged_aside:
                    path = self.directory / f"step-{step:08d}"
                    shutil.rmtree(path.with_name(f"damaged-{path.name}"), ignore_errors=True)
                    os.rename(path, path.with_name(f"damaged-{path.name}"))
        return None

    def remove_leftovers(self) -> None:
        """Delete what interrupted saves left; only the process that writes may call this."""
        for path in self.directory.glob(".step-*.tmp-*"):
            shutil.rmtree(path, ignore_errors=True)

    def _remove_old(self) -> None:
        for step in self.steps()[: -self._keep]:
            path = self.directory / f"step-{step:08d}"
            # A kill in the middle of the removal must not leave half a checkpoint under its name.
            condemned = self.directory / f".{path.name}.tmp-old"
            shutil.rmtree(condemned, ignore_errors=True)
            try:
                os.rename(path, condemned)
            except OSError as error:
                _log.warning("%s cannot be removed: %s", path, error.strerror)
            shutil.rmtree(condemned, ignore_errors=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """Verify the checkpoint directory ``path`` against its manifest and read its state.

    Raises:
        CheckpointError: CKP02 if it is not there, CKP03 if anything about it is not as written.
    """
    if not (path / "MANIFEST.json").is_file():
        raise CheckpointError("CKP02", str(path), "is not a checkpoint", "a checkpoint holds MANIFEST.json")
    try:
        manifest = json.loads((path / "MANIFEST.json").read_bytes())
        if manifest["format"] != FORMAT:
            raise CheckpointError(
                "CKP03", str(path), f"has format {manifest['format']}, this version reads {FORMAT}"
            )
        for name, expected in manifest["files"].items():
            _verify_file(path / Path(name).name, expected["bytes"], expected["sha256"])
        state = json.loads((path / "state.json").read_bytes())
        return Checkpoint(path, int(manifest["step"]), dict(state))
    except OSError as error:
        raise CheckpointError(
            "CKP03", str(error.filename or path), error.strerror or "cannot be read"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError("CKP03", str(path), f"damaged manifest or state: {error}") from None


def _verify_file(path: Path, size: int, sha256: str) -> None:
    found = path.stat().st_size
    if found != size:
        raise CheckpointError("CKP03", str(path), f"has {found} bytes, {size} were written")
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise CheckpointError("CKP03", str(path), "content differs from what was written (SHA-256)")


def _serialise(arrays: Tensors) -> bytes:
    return bytes(
        safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    )


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _write_durably(path: Path, raw: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
