"""What a start of a job that has lost a process leaves to the next: a checkpoint for the life of the job.

It is in memory-backed storage where there is some, and read only by whom the launcher has told its digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.tensors import Tensors
from gluonlab.checkpoint.verify import MANIFEST, Checkpoint, DamagedError, read_checkpoint
from gluonlab.disk import reading
from gluonlab.errors import CheckpointError
from gluonlab.reporting.run_files import CHECKPOINTS

MEMORY = Path("/dev/shm")
FOLDER = "handed-over"


@dataclass(frozen=True)
class Inheritance:
    """The state of ``step`` that process ``rank`` of ``start`` of the job ``job`` has left in ``path``.

    ``sha256`` is that of its manifest, which has those of all files.
    """

    job: str
    start: int
    rank: int
    step: int
    path: str
    sha256: str

    def to_text(self) -> str:
        """JSON, for the environment of the next start."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Inheritance:
        """What `to_text` made; ValueError, KeyError or TypeError for anything else."""
        raw = json.loads(text)
        kinds = {"job": str, "start": int, "rank": int, "step": int, "path": str, "sha256": str}
        return cls(**{key: kind(raw[key]) for key, kind in kinds.items()})


def places(run_dir: Path) -> list[Path]:
    """Where inheritances of the run in ``run_dir`` are on this host, the one in memory first."""
    mark = hashlib.sha256(os.path.abspath(run_dir).encode()).hexdigest()[:16]
    return [MEMORY / f"gluonlab-{os.geteuid()}-{mark}", run_dir / FOLDER]


def leave(
    run_dir: Path, job: str, start: int, rank: int, tensors: Mapping[str, Tensors], state: Mapping[str, Any]
) -> Inheritance:
    """Write a state for the next start: in memory, or in the folder of the run where that has no room.

    Raises:
        CheckpointError: CKP01 there is room in neither.
    """
    step = int(state["step"])
    whole = {**state, "left_by": {"job": job, "start": start, "rank": rank}}
    for place in places(run_dir):
        folder = place / f"{job}-{start}"
        try:
            path = CheckpointStore(folder).save(step, tensors, whole)
            return Inheritance(job, start, rank, step, str(path), _sha256(path / MANIFEST))
        except CheckpointError as error:
            remove(folder)
            failure = error
    raise failure


def read(inheritance: Inheritance, job: str) -> Checkpoint:
    """The checkpoint that ``inheritance`` names, if it is of ``job`` and to the byte what was left.

    Raises:
        DamagedError: CKP03 it is another one.
        CheckpointError: as `read_checkpoint`.
    """
    path = Path(inheritance.path)
    checkpoint = read_checkpoint(path)
    left_by = checkpoint.state.get("left_by")
    expected = {"job": job, "start": inheritance.start, "rank": inheritance.rank}
    is_whole = _sha256(path / MANIFEST) == inheritance.sha256 and checkpoint.step == inheritance.step
    if not is_whole or left_by != expected:
        raise DamagedError("CKP03", str(path), "is not what the start before has left")
    return checkpoint


def keep(inheritance: Inheritance, run_dir: Path) -> Path:
    """Make it a checkpoint of the run on the disk, for the same command given again; none is removed for it.

    Raises:
        CheckpointError: as `read`; CKP01 it cannot be written.
    """
    checkpoint = read(inheritance, inheritance.job)
    names = [file[: -len(".safetensors")] for file in checkpoint.files if file.endswith(".safetensors")]
    store = CheckpointStore(run_dir / CHECKPOINTS, keep=sys.maxsize)
    return store.save(checkpoint.step, {name: checkpoint.tensors(name) for name in names}, checkpoint.state)


def older(run_dir: Path, but: Optional[Inheritance]) -> list[Path]:
    """The folders on this host that other starts have left to nobody any more."""
    kept = Path(but.path).parent if but else None
    found = [folder for place in places(run_dir) if place.is_dir() for folder in sorted(place.iterdir())]
    return [folder for folder in found if folder != kept]


def remove(folder: Path) -> None:
    """Remove a folder that `older` has named, and what held it if it was the last."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        shutil.rmtree(folder.parent, ignore_errors=True)


def _sha256(path: Path) -> str:
    with reading(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()
