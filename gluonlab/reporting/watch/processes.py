"""The processes of a launched run, from the two files that its launcher keeps in ``logs/``."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Optional

from gluonlab.reporting import run_files
from gluonlab.reporting.watch.files import read_object, read_part
from gluonlab.supervision.progress import WAITING_FOR_DATA

MAX_RANKS = 256
MAX_DEATHS = 50
TAIL_BYTES = 65536
STALE_S = 15.0
_TEXTS, _NUMBERS = ("host", "phase"), ("rank", "step", "collectives", "idle", "silent", "memory")


def ranks_of(run: Path) -> Optional[dict[str, Any]]:
    """The processes as the launcher of ``run`` last saw them, or None if it wrote nothing that is read.

    ``behind`` is how many collectives a process has entered less than the one that is farthest: who is
    behind is who the others wait for. ``is_stale``: the launcher has written nothing for 15 s.
    """
    try:
        table = read_object(run / run_files.LOGS / run_files.RANKS)
        rows = [_row(raw) for raw in table["ranks"][:MAX_RANKS]]
        age = time.time() - float(table["time"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    farthest = max((row["collectives"] for row in rows), default=0)
    for row in rows:
        row["behind"] = farthest - row["collectives"]
    return {"ranks": rows, "total": len(table["ranks"]), "is_stale": age > STALE_S}


def _row(raw: dict[str, Any]) -> dict[str, Any]:
    texts = {name: str(raw[name])[:64] for name in _TEXTS}
    numbers = {name: float(raw[name]) for name in _NUMBERS}
    waited = float(raw["seconds"].get(WAITING_FOR_DATA, 0.0))
    return {**texts, **numbers, "waited_for_data": waited, "has_left": bool(raw["has_left"])}


def deaths_of(run: Path) -> list[dict[str, Any]]:
    """The failed attempts of ``run``, oldest first: time, step (or null) and message of each."""
    try:
        lines = read_part(run / run_files.LOGS / run_files.DEATHS, -TAIL_BYTES, TAIL_BYTES).splitlines()
    except OSError:
        return []
    return [death for line in lines[-MAX_DEATHS:] if (death := _death(line))]


def _death(line: bytes) -> Optional[dict[str, Any]]:
    try:
        raw = json.loads(line)
        step = None if raw["step"] is None else int(raw["step"])
        return {"time": float(raw["time"]), "step": step, "message": str(raw["message"])[:300]}
    except (ValueError, KeyError, TypeError, RecursionError):  # cut, or of another version
        return None
