"""A metrics file, however long, as at most a few thousand points; read on from where it was left."""

from __future__ import annotations

import math
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from gluonlab.errors import CheckpointError
from gluonlab.reporting.run_files import parse_row
from gluonlab.reporting.watch.files import read_part

MAX_POINTS = 2000
MAX_EVENTS = 500
MAX_METRICS = 100
PART_BYTES = 4_000_000
MAX_ROW_BYTES = 1_000_000
AXES = ("step", "epoch", "time")
Number = Optional[float]


@dataclass
class Bucket:
    """Some rows that follow each other: where the last one is, and of each value sum, count, min, max."""

    step: int
    rows: int = 0
    axes: dict[str, float] = field(default_factory=dict)
    values: dict[str, list[float]] = field(default_factory=dict)

    def merge(self, other: Bucket) -> None:
        """Take in ``other``, which follows."""
        self.step, self.axes, self.rows = other.step, other.axes, self.rows + other.rows
        for name, (total, count, low, high) in other.values.items():
            mine = self.values.setdefault(name, [0.0, 0, math.inf, -math.inf])
            mine[:] = [mine[0] + total, mine[1] + count, min(mine[2], low), max(mine[3], high)]


class Curve:
    """Rows of one kind in at most ``max_points`` buckets: when they are full, neighbours are joined."""

    def __init__(self, max_points: int = MAX_POINTS) -> None:
        self.buckets: list[Bucket] = []
        self._max_points = max_points
        self._rows_per_bucket = 1

    def add(self, step: int, row: dict[str, Any]) -> None:
        """Add ``row``, whose numbers are its values."""
        numbers = {name: float(value) for name, value in row.items() if _is_number(value)}
        values = {
            name: [value, 1, value, value]
            for name, value in list(numbers.items())[:MAX_METRICS]
            if name != "step"
        }
        point = Bucket(step, 1, {name: numbers[name] for name in AXES if name in numbers}, values)
        if self.buckets and self.buckets[-1].rows < self._rows_per_bucket:
            self.buckets[-1].merge(point)
        else:
            self.buckets.append(point)
        if len(self.buckets) > self._max_points:
            self._join_neighbours()

    def forget_after(self, step: int) -> None:
        """A run that goes on at ``step`` repeats what it had logged beyond."""
        while self.buckets and self.buckets[-1].step > step:
            self.buckets.pop()

    def _join_neighbours(self) -> None:
        self._rows_per_bucket *= 2
        for left, right in zip(self.buckets[::2], self.buckets[1::2]):
            left.merge(right)
        self.buckets = self.buckets[::2]


class SeriesFile:
    """What is known of one metrics file; ``read_on`` takes in what was written since.

    Threads take turns by ``lock``, which they hold until they have their points.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lock = threading.Lock()
        self._inode: Optional[int] = None
        self._reset()

    def _reset(self) -> None:
        self.offset = self.size = 0
        self.strange_rows = 0
        self.curves: dict[str, Curve] = {"train": Curve(), "validation": Curve()}
        self.events: list[dict[str, Any]] = []

    def read_on(self, max_bytes: int = PART_BYTES) -> None:
        """Read whole rows, at most ``max_bytes``; begin anew where the file was replaced. OSError."""
        try:
            status = os.stat(self._path, follow_symlinks=False)
        except FileNotFoundError:  # nothing is logged yet
            return
        if status.st_ino != self._inode or status.st_size < self.offset:
            self._reset()
            self._inode = status.st_ino
        self.size = status.st_size
        part = read_part(self._path, self.offset, max_bytes)
        end = part.rfind(b"\n") + 1
        if not end and len(part) >= MAX_ROW_BYTES:  # no row is that long: pass over it
            self.strange_rows += 1
            end = len(part)
        self.offset += end
        for line in part[:end].split(b"\n")[:-1]:
            self._take(line)

    def _take(self, line: bytes) -> None:
        try:
            row = parse_row(line, self._path.name)
        except CheckpointError:
            self.strange_rows += 1
            return
        kind, step = row["kind"], row["step"]
        if kind in ("resume", "rollback"):
            for curve in self.curves.values():
                curve.forget_after(step)
        if kind in self.curves:
            self.curves[kind].add(step, row)
        if kind != "train":
            numbers = {name: row[name] for name in (*AXES, "top1") if _is_number(row.get(name))}
            self.events = [*self.events, {**numbers, "kind": kind[:40], "step": step}][-MAX_EVENTS:]

    def names(self) -> list[str]:
        """The values that can be drawn, as ``kind.name``."""
        found = {
            f"{kind}.{name}"
            for kind, curve in self.curves.items()
            for bucket in curve.buckets[-50:]
            for name in bucket.values
        }
        return sorted(found - {f"{kind}.{axis}" for kind in self.curves for axis in ("time", "epoch")})

    def points(self, name: str) -> dict[str, list[Number]]:
        """The axes, and mean, ``low`` and ``high`` of ``name`` in each bucket that has it."""
        kind, _, value = name.partition(".")
        found = self.curves[kind].buckets if kind in self.curves else []
        held = [bucket for bucket in found if value in bucket.values]
        axes: dict[str, list[Number]] = {axis: [bucket.axes.get(axis) for bucket in held] for axis in AXES}
        parts = [bucket.values[value] for bucket in held]
        return {
            **axes,
            "step": [bucket.step for bucket in held],
            "mean": [total / count for total, count, _, _ in parts],
            "low": [low for _, _, low, _ in parts],
            "high": [high for _, _, _, high in parts],
        }


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300
