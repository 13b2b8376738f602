"""Runs as they lie on disk: reading one, and listing those below a folder with the state they are in."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from gluonlab.commands import gluonlab_command
from gluonlab.errors import CheckpointError
from gluonlab.reporting import run_files
from gluonlab.reporting.run_files import Row, latest_by_step

MAX_DEPTH = 3


@dataclass(frozen=True)
class RunRecord:
    """The files of one run; ``summary`` is empty until the run has finished."""

    path: Path
    document: dict[str, Any] = field(repr=False)
    rows: list[Row] = field(repr=False)
    summary: dict[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The resolved recipe and run settings."""
        config = self.document.get("config")
        return config if isinstance(config, dict) else {}


@dataclass(frozen=True)
class RunInfo:
    """One line of the list of runs; what is not known is None.

    ``state``: finished, failed, running, stopped or damaged. ``top1`` is a fraction, of the last
    validation; ``updated`` is in unix seconds.
    """

    name: str
    path: Path
    state: str
    steps: Optional[int]
    total_steps: Optional[int]
    epoch: Optional[float]
    top1: Optional[float]
    processes: Optional[int]
    updated: float


def read_run(path: Path) -> RunRecord:
    """Read the run in directory ``path``.

    CheckpointError CKP02 if there is no run, CKP03 if one of its files is damaged.
    """
    if not (path / run_files.CONFIG).is_file():
        hint = f"see {gluonlab_command('runs', path.parent)}" if path.parent.is_dir() else ""
        raise CheckpointError("CKP02", str(path), "no run here (no config.json)", hint)
    metrics, summary = path / run_files.METRICS, path / run_files.SUMMARY
    return RunRecord(
        path=path,
        document=run_files.read_json(path / run_files.CONFIG),
        rows=run_files.read_metrics(metrics) if metrics.exists() else [],
        summary=run_files.read_json(summary) if summary.exists() else {},
    )


def list_runs(root: Path) -> list[RunInfo]:
    """The runs in ``root`` and up to three levels below, the one that changed last at the end.

    A run that cannot be read is listed as damaged. A ``root`` that is missing holds no runs.
    """
    runs = [_inspect_run(path, root) for path in _find_runs(root, MAX_DEPTH)]
    return sorted(runs, key=lambda run: (run.updated, run.name))


def is_running(path: Path) -> bool:
    """Whether a live process holds the lock of the run directory ``path``."""
    lock = path / run_files.LOCK
    try:
        # Over NFS an exclusive lock needs a file open for writing; others' runs are only readable.
        mode = os.O_RDWR if os.access(lock, os.W_OK) else os.O_RDONLY
        descriptor = os.open(lock, mode | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _find_runs(folder: Path, depth: int) -> Iterator[Path]:
    try:
        is_run = (folder / run_files.CONFIG).is_file()
        is_leaf = is_run or depth == 0
        children = [] if is_leaf else sorted(child for child in folder.iterdir() if child.is_dir())
    except OSError:  # missing, or not ours to read
        return
    if is_run:
        yield folder
    for child in children:
        yield from _find_runs(child, depth - 1)


def _inspect_run(path: Path, root: Path) -> RunInfo:
    name = str(path.relative_to(root)) if path != root else path.resolve().name
    try:
        record = read_run(path)
        steps, epoch, top1 = _progress(record)
        return RunInfo(
            name=name,
            path=path,
            state=_state(path),
            steps=steps,
            total_steps=_whole(record.document.get("total_steps"), record.summary.get("steps")),
            epoch=epoch,
            top1=top1,
            processes=_whole(record.summary.get("processes"), record.document.get("processes")),
            updated=_updated(path),
        )
    except (CheckpointError, OSError):
        return RunInfo(name, path, "damaged", None, None, None, None, None, _updated(path))


def _state(path: Path) -> str:
    if is_running(path):
        return "running"
    error_time = _modified(path / run_files.ERROR)
    summary_time = _modified(path / run_files.SUMMARY)
    if error_time and error_time >= max(summary_time, _modified(path / run_files.METRICS)):
        return "failed"
    return "finished" if summary_time else "stopped"


def _progress(record: RunRecord) -> tuple[Optional[int], Optional[float], Optional[float]]:
    """Last step, epoch and top-1: the summary's if there is one, else those of the latest rows."""
    train = latest_by_step(record.rows, "train")[-1:]
    validation = latest_by_step(record.rows, "validation")[-1:]
    latest = max(train + validation, key=lambda row: row["step"], default={})
    return (
        _whole(record.summary.get("steps"), latest.get("step")),
        _number(record.summary.get("epochs"), latest.get("epoch")),
        _number(record.summary.get("top1"), *(row.get("top1") for row in validation)),
    )


def _number(*candidates: Any) -> Optional[float]:
    """The first candidate that is a number."""
    numbers = (value for value in candidates if isinstance(value, (int, float)))
    return next(numbers, None)


def _whole(*candidates: Any) -> Optional[int]:
    return next((value for value in candidates if type(value) is int), None)


def _updated(path: Path) -> float:
    names = (run_files.CONFIG, run_files.METRICS, run_files.SUMMARY, run_files.ERROR)
    return max(_modified(path / name) for name in names)


def _modified(path: Path) -> float:
    """Time of the last change in unix seconds; 0 if there is no such file."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
