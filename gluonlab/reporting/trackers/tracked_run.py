"""A run as trackers get to know it: who it is, what it was told, its rows as they come."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Union

from gluonlab.disk import reading
from gluonlab.reporting import run_files
from gluonlab.reporting.run_files import Row, parse_row
from gluonlab.reporting.trackers.redaction import redact

Parameter = Union[str, int, float, bool]

_ID_DIGITS = 16
_NO_VALUES = frozenset({"kind", "step", "time"})


@dataclass(frozen=True)
class TrackedRun:
    """What a tracker is told of a run beside its rows.

    ``id`` comes of its first row, so it stays when the run is resumed, moved or sent again.
    """

    id: str
    name: str
    parameters: dict[str, Parameter]
    started: float
    """Of the first row, in unix seconds."""


def read_tracked_run(run_dir: Path) -> Optional[TrackedRun]:
    """The run in ``run_dir``; None as long as it has no row.

    OSError if a file cannot be read, CheckpointError CKP03 if one is damaged.
    """
    path = run_dir / run_files.METRICS
    if not path.exists():
        return None
    with reading(path), path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return None
    started = parse_row(line, f"{path}:1").get("time")
    return TrackedRun(
        id=hashlib.sha256(line).hexdigest()[:_ID_DIGITS],
        name=run_dir.resolve().name,
        parameters=_parameters(run_files.read_json(run_dir / run_files.CONFIG)),
        started=float(started) if isinstance(started, (int, float)) else 0.0,
    )


def values_of(row: Row) -> dict[str, float]:
    """The numbers of ``row``, but for its step and time; what is not a finite number is left out."""
    return {
        name: value
        for name, value in row.items()
        if name not in _NO_VALUES and type(value) in (int, float) and math.isfinite(value)
    }


def state_of(run_dir: Path) -> tuple[str, dict[str, Any]]:
    """How a run that nobody trains any more has ended, and its summary, empty unless it finished."""
    if (run_dir / run_files.SUMMARY).exists():
        return "finished", run_files.read_json(run_dir / run_files.SUMMARY)
    return ("failed" if (run_dir / run_files.ERROR).exists() else "stopped"), {}


def _parameters(document: dict[str, Any]) -> dict[str, Parameter]:
    """The configuration by dotted keys, and what computes it; not the command, nor anything of the shell."""
    known = {key: document.get(key) for key in ("engine", "processes", "host", "git_commit", "versions")}
    whole = {**(document.get("config") or {}), **{f"run.{key}": value for key, value in known.items()}}
    return {key: value for key, value in _flat(whole) if value is not None}


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(item, f"{prefix}{key}.")
        elif item is None or isinstance(item, (bool, int, float)):
            yield f"{prefix}{key}", item
        else:
            yield f"{prefix}{key}", redact(item if isinstance(item, str) else json.dumps(item), os.environ)
