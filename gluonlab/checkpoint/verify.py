"""Reading a checkpoint: nothing is taken from it before sizes and SHA-256 of all files are as written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from gluonlab.checkpoint.tensors import Tensors, read_tensors
from gluonlab.errors import CheckpointError

FORMAT = 1
MANIFEST = "MANIFEST.json"
MANIFEST_BYTES = 1 << 20  # at most; ours have about 600


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint directory; ``state`` is its JSON part."""

    path: Path
    step: int
    state: dict[str, Any]

    def tensors(self, name: str) -> Tensors:
        """The arrays of ``<name>.safetensors``, by name."""
        return read_tensors(self.path / f"{name}.safetensors")


def read_checkpoint(path: Path) -> Checkpoint:
    """Verify the checkpoint directory ``path`` against its manifest and read its state.

    Raises:
        CheckpointError: CKP02 if it is not there, CKP03 if anything about it is not as written.
    """
    try:
        manifest = _read_manifest(path)
        for name, expected in manifest["files"].items():
            _verify_file(path / Path(name).name, expected["bytes"], expected["sha256"])
        state = json.loads((path / "state.json").read_bytes())
        return Checkpoint(path, int(manifest["step"]), dict(state))
    except OSError as error:
        raise CheckpointError(
            "CKP03", str(error.filename or path), error.strerror or "cannot be read"
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError("CKP03", str(path), f"damaged manifest or state: {error}") from None


def score_of(path: Path) -> Optional[float]:
    """The validation score that the checkpoint ``path`` was saved with; None if it has none."""
    try:
        score = _read_manifest(path).get("score")
        return None if score is None else float(score)
    except (CheckpointError, OSError, ValueError, TypeError, AttributeError, RecursionError):
        return None


def _read_manifest(path: Path) -> dict[str, Any]:
    file = path / MANIFEST
    if not file.is_file():
        raise CheckpointError("CKP02", str(path), "is not a checkpoint", f"a checkpoint holds {MANIFEST}")
    if file.stat().st_size > MANIFEST_BYTES:
        raise CheckpointError("CKP03", str(file), f"has more than {MANIFEST_BYTES:,} bytes")
    manifest: dict[str, Any] = json.loads(file.read_bytes())
    if manifest["format"] != FORMAT:
        raise CheckpointError(
            "CKP03", str(path), f"has format {manifest['format']}, this version reads {FORMAT}"
        )
    return manifest


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
