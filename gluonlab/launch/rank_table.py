"""What a launcher knows of its processes, in a file for those who look on: the live page, ``cat``."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from queue import Full, Queue
from typing import Any, Optional

from gluonlab.disk import writing
from gluonlab.reporting.run_files import DEATHS, RANKS, write_json
from gluonlab.supervision.switchboard import RankView

WRITE_EVERY_SECONDS = 2.0


class RankTable:
    """Writes ``ranks.json`` in ``folder`` every two seconds while that folder is there.

    A thread of its own writes, since a disk that hangs may keep it for ever, and the watch over the job
    must go on. A disk that refuses the file costs the job nothing.
    """

    def __init__(self, folder: Optional[Path], attempt: int) -> None:
        self._folder, self._attempt = folder, attempt
        self._last = -WRITE_EVERY_SECONDS
        self._tables: Queue[dict[str, Any]] = Queue(maxsize=1)
        if folder:
            name = "gluonlab-rank-table"
            threading.Thread(target=self._write, args=(folder / RANKS,), name=name, daemon=True).start()

    def update(self, views: Iterable[RankView], now: float) -> None:
        """Have what is known at ``now`` of the launcher's clock written, unless that was done just before."""
        if self._folder is None or now - self._last < WRITE_EVERY_SECONDS:
            return
        self._last = now
        ranks = [row_of(view, now) for view in sorted(views, key=lambda view: view.rank)]
        with contextlib.suppress(Full):
            self._tables.put_nowait({"time": time.time(), "attempt": self._attempt, "ranks": ranks})

    def _write(self, path: Path) -> None:
        while True:
            table = self._tables.get()
            with contextlib.suppress(OSError):
                write_json(path, table)


def row_of(view: RankView, now: float) -> dict[str, Any]:
    """One process; ``idle`` and ``silent`` in seconds, ``seconds`` by phase, ``memory`` in bytes."""
    return {
        "rank": view.rank,
        "host": view.host,
        "pid": view.pid,
        "step": view.step,
        "phase": view.phase,
        "collectives": view.collectives,
        "idle": round(view.idle, 1),
        "silent": round(now - view.heard, 1),
        "memory": view.memory,
        "seconds": view.seconds,
        "has_left": view.left is not None,
    }


def note_death(folder: Optional[Path], attempt: int, step: Optional[int], message: str) -> None:
    """Append one line to ``deaths.jsonl`` in ``folder``: when an attempt failed, at which step, and why."""
    if folder is None:
        return
    row = {"time": time.time(), "attempt": attempt, "step": step, "message": message}
    path = folder / DEATHS
    with contextlib.suppress(OSError), writing(path), path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
