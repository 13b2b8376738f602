"""The files of a run directory: small JSON documents and one line of JSON per logged row.

A row is ``{"kind", "step", "time", ...values}``; kind is ``train``, ``validation``, ``divergence``,
``checkpoint``, ``resume`` or ``rollback``; time is in unix seconds.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from gluonlab.disk import reading, writing
from gluonlab.errors import CheckpointError
from gluonlab.fault_injection import fault_point

CONFIG = "config.json"
METRICS = "metrics.jsonl"
SUMMARY = "summary.json"
CHECKPOINTS = "checkpoints"
LOG = "log.txt"
LOGS = "logs"
ERROR = "error.json"
LOCK = ".lock"
# In LOGS, by the launcher: its processes as it saw them last, and attempts that failed.
RANKS = "ranks.json"
DEATHS = "deaths.jsonl"

Row = dict[str, Any]


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON to ``path``: a reader sees the old file or the new one, never a part.

    NaN and infinity become null, for strict JSON has neither. OSError when it cannot be written.
    """
    write_text(path, json.dumps(finite(value), indent=2, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Replace ``path`` by a file that holds ``text``, in one step; OSError when it cannot be written."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with writing(path), temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            fault_point("text.write")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def remove_leftovers(run_dir: Path) -> None:
    """Delete what a process left that was killed while it wrote; only who holds the lock may call this."""
    for path in run_dir.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``; CheckpointError CKP03 if it holds anything else."""
    try:
        with reading(path):
            value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise CheckpointError("CKP03", str(path), f"not JSON ({error})") from error
    if not isinstance(value, dict):
        raise CheckpointError("CKP03", str(path), f"holds a {type(value).__name__}, not an object")
    return value


class MetricsLog:
    """Appends rows to a metrics file; the file is opened, and mended, at the first row."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: Optional[int] = None

    @property
    def is_open(self) -> bool:
        """Whether the file is open, and not removed; else the next row opens it by its path."""
        return self._descriptor is not None and os.fstat(self._descriptor).st_nlink > 0

    def append(self, row: Mapping[str, Any]) -> None:
        """Write ``row`` as one line. OSError if it cannot be written; the file then ends as before."""
        if not self.is_open:
            self.close()
            self._descriptor = _open_mended(self._path)
        assert self._descriptor is not None, "it is open"
        line = json.dumps(finite(row), allow_nan=False).encode() + b"\n"
        with writing(self._path):
            if os.write(self._descriptor, line) < len(line):
                # An almost full disk takes a part of the line; the next row must not follow half a row.
                self.close()
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None:
        """Close the file; a later row opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_metrics(path: Path) -> list[Row]:
    """The rows of a metrics file in file order, without a last line that was never finished.

    OSError if it cannot be read, CheckpointError CKP03 that names the line if a row is damaged.
    """
    with reading(path):
        lines = path.read_bytes().split(b"\n")
    return [parse_row(line, f"{path}:{number}") for number, line in enumerate(lines[:-1], start=1)]


def parse_row(line: bytes, where: str) -> Row:
    """The row in ``line``, a line of a metrics file; CheckpointError CKP03 with ``where`` if it is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("CKP03", where, f"not JSON ({error})") from error
    if not isinstance(row, dict) or not isinstance(row.get("kind"), str) or type(row.get("step")) is not int:
        raise CheckpointError("CKP03", where, "not a row with a kind and a step")
    return row


def latest_by_step(rows: Sequence[Row], kind: str) -> list[Row]:
    """Rows of ``kind`` in order of step, as if the run had never been interrupted.

    A resumed or rolled-back run repeats steps: what it had logged beyond that point does not count,
    and of rows with the same step the last one does.
    """
    kept: dict[int, Row] = {}
    for row in rows:
        if row["kind"] in ("resume", "rollback"):
            kept = {step: earlier for step, earlier in kept.items() if step <= row["step"]}
        if row["kind"] == kind:
            kept[row["step"]] = row
    return [kept[step] for step in sorted(kept)]


def _open_mended(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(descriptor).st_size
        with reading(path):
            whole = _end_of_last_line(descriptor, size)
        if whole < size:
            with writing(path):
                os.ftruncate(descriptor, whole)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _end_of_last_line(descriptor: int, size: int, block_bytes: int = 65536) -> int:
    """Offset in bytes behind the last newline, 0 if there is none; the file is read from its end."""
    end = size
    while end > 0:
        start = max(0, end - block_bytes)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def finite(value: Any) -> Any:
    """``value`` with None in place of each NaN and infinity, for strict JSON has neither."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    return value
