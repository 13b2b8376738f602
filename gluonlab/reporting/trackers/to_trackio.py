"""Runs in trackio, on this machine: TRACKIO_DIR says where, TRACKIO_PROJECT in which project.

`trackio sync` brings them to a Space. trackio keeps its errors to itself, so at the end we look what
it holds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gluonlab.reporting.trackers.tracked_run import TrackedRun

_REMOTE = ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL")


def open_run(run: TrackedRun) -> TrackioRun:
    """``run`` in the project of TRACKIO_PROJECT, by default gluonlab."""
    return TrackioRun(run)


class TrackioRun:
    """A name holds the run's id, for trackio knows a run by its name."""

    def __init__(self, run: TrackedRun) -> None:
        import trackio

        remote = [name for name in _REMOTE if os.environ.get(name)]
        if remote:
            raise ValueError(f"{remote[0]} is set, but only local projects are written; use trackio sync")
        self._project = os.environ.get("TRACKIO_PROJECT") or "gluonlab"
        self._name = f"{run.name}-{run.id}"
        self._run = trackio.init(
            self._project,
            name=self._name,
            config=dict(run.parameters),
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )
        self._sent: dict[str, int] = {}

    def last_steps(self) -> Mapping[str, int]:
        """The last step of each kind of row, from trackio's database."""
        from trackio.sqlite_storage import SQLiteStorage

        last: dict[str, int] = {}
        for row in SQLiteStorage.get_logs(self._project, self._name):
            for kind in {key.partition("/")[0] for key in row if "/" in key}:
                last[kind] = max(int(row["step"]), last.get(kind, -1))
        return last

    def add(self, kind: str, step: int, unix_seconds: float, values: Mapping[str, float]) -> None:
        """A row, which a thread of trackio's writes."""
        named = {f"{kind}/{name}": value for name, value in values.items()}
        self._run.log({**named, f"{kind}/time": unix_seconds}, step=step)
        self._sent[kind] = step

    def flush(self) -> None:
        """Do nothing: rows are sent at once."""

    def finish(self, state: str, summary: Mapping[str, Any]) -> None:
        """Wait for the thread; OSError if the database then lacks a row."""
        self._run.finish()
        held = self.last_steps()
        lacking = [kind for kind, step in self._sent.items() if held.get(kind, -1) < step]
        if lacking:
            raise OSError(f"it did not keep all rows ({', '.join(lacking)}); is its disk full?")
