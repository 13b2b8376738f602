"""What a launcher knows of its processes, in a file for those who look on: the live page, ``cat``."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterable
from queue import Full, Queue
from typing import Any, Optional

from gluonlab.disk import writing
from gluonlab.reporting.held_directory import HeldDirectory
from gluonlab.reporting.run_files import DEATHS, RANKS, write_json
from gluonlab.supervision.switchboard import RankView

WRITE_EVERY_SECONDS = 2.0


class RankTable:
    """Writes ``ranks.json`` in ``folder`` every two seconds, and a line of ``deaths.jsonl`` if the job fails.

    Only while that very folder is there: not into another one in its place. A thread of its own writes the
    table, since a disk that hangs may keep it for ever, and the watch over the job must go on. A disk that
    refuses a file costs the job nothing.
    """

    def __init__(self, folder: Optional[HeldDirectory], attempt: int) -> None:
        """``folder`` is that of the job's output, which holds it from the first line on."""
        self._folder, self._attempt = folder, attempt
        self._last = -WRITE_EVERY_SECONDS
        self._tables: Queue[dict[str, Any]] = Queue(maxsize=1)
        if folder:
            name = "gluonlab-rank-table"
            threading.Thread(target=self._write, args=(folder,), name=name, daemon=True).start()

    def update(self, views: Iterable[RankView], now: float) -> None:
        """Have what is known at ``now`` of the launcher's clock written, unless that was done just before."""
        if self._folder is None or now - self._last < WRITE_EVERY_SECONDS:
            return
        self._last = now
        ranks = [row_of(view, now) for view in sorted(views, key=lambda view: view.rank)]
        with contextlib.suppress(Full):
            self._tables.put_nowait({"time": time.time(), "attempt": self._attempt, "ranks": ranks})

    def note_death(self, step: Optional[int], message: str) -> None:
        """Append when this attempt failed, at which step, and why."""
        if self._folder is None:
            return
        row = {"time": time.time(), "attempt": self._attempt, "step": step, "message": message}
        path = self._folder.path / DEATHS
        with contextlib.suppress(OSError), writing(path):
            self._folder.check()
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    def _write(self, folder: HeldDirectory) -> None:
        while True:
            table = self._tables.get()
            with contextlib.suppress(OSError):
                folder.check()
                write_json(folder.path / RANKS, table)


def row_of(view: RankView, now: float) -> dict[str, Any]:
    """One process; ``idle`` and ``silent`` in s, ``seconds`` by phase, a `Spent`, ``memory`` in bytes."""
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
        "spent": view.spent._asdict(),
        "has_left": view.left is not None,
    }
