"""What the log of a run says that it did, for the case that its checkpoints do not."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from gluonlab.disk import reading
from gluonlab.reporting.run_files import METRICS, SUMMARY

_OF_CHECKPOINTS = ("checkpoint", "resume", "rollback")


@dataclass(frozen=True)
class Traces:
    """The last step that was trained, and the last one that a checkpoint held; None if none is known."""

    trained: Optional[int]
    saved: Optional[int]


def traces_of(run_dir: Path) -> Traces:
    """What ``metrics.jsonl`` and ``summary.json`` in ``run_dir`` tell; a line that is damaged tells nothing.

    OSError if one of them is there and cannot be read.
    """
    rows = [_row(line) for line in _content(run_dir / METRICS).splitlines()]
    steps = [(str(row.get("kind")), step) for row in rows if type(step := row.get("step")) is int]
    finished = _row(_content(run_dir / SUMMARY)).get("steps")
    if type(finished) is int:  # it was saved before it was summed up
        steps.append(("checkpoint", finished))
    return Traces(
        trained=max((step for _, step in steps if step), default=None),
        saved=max((step for kind, step in steps if step and kind in _OF_CHECKPOINTS), default=None),
    )


def _content(path: Path) -> bytes:
    try:
        with reading(path):
            return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return b""


def _row(line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}
