"""All runs of a folder: their overview, kept until their files change, and the series of those looked at."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from itertools import islice
from operator import itemgetter
from pathlib import Path
from platform import node
from typing import Any, Optional

from gluonlab.errors import CheckpointError
from gluonlab.reporting import run_files
from gluonlab.reporting.run_files import parse_row
from gluonlab.reporting.runs import MAX_DEPTH
from gluonlab.reporting.watch.files import find_runs, lock_holders, modified, read_object, read_part
from gluonlab.reporting.watch.processes import deaths_of, ranks_of
from gluonlab.reporting.watch.series import SeriesFile

MAX_RUNS = 5000
MAX_OPEN_SERIES = 16
SCAN_EVERY_S = 2.0
TAIL_BYTES = 65536
MAX_TRIES = 20
FRESH_S = 60
_FILES = (run_files.CONFIG, run_files.METRICS, run_files.SUMMARY, run_files.ERROR)
PARTS = (
    "sec_per_step",
    "wait_fraction",
    "decode_ms_per_image",
    "augment_ms_per_image",
    "collate_ms_per_image",
)
Times = tuple[float, ...]
# Steps, and the learning rate at each.
Plan = dict[str, list[float]]


class RunStore:
    """The runs in ``root`` (or ``root`` itself); a run is known by its name only, never by a path.

    ``plan_of`` makes a learning-rate plan of a run directory. No lock is held over a file of metrics: while
    a long one is read, the list and the other curves go on.
    """

    def __init__(self, root: Path, plan_of: Callable[[Path], Optional[Plan]] = lambda run: None) -> None:
        self._root, self._plan_of = root.resolve(), plan_of
        self._lock = threading.Lock()
        self._runs: dict[str, Path] = {}
        self._scanned = -1e9
        self._kept: dict[str, tuple[Times, dict[str, Any]]] = {}
        self._series: OrderedDict[str, SeriesFile] = OrderedDict()
        self._plans: dict[str, tuple[Times, Optional[Plan]]] = {}

    def overview(self, seconds: float = math.inf) -> dict[str, Any]:
        """Every run with its state and last figures, and whether the folder holds more than are shown.

        Runs that were not read yet are, newest first, for about so many ``seconds``; ``unread`` are left.
        """
        end = time.monotonic() + seconds
        with self._lock:
            runs = self._scan()
            locked = lock_holders().keys()
            rows = [
                self._row(name, path, locked)
                for name, path in runs.items()
                if name in self._kept or time.monotonic() < end
            ]
        return {
            "root": self._root.name,
            "runs": rows,
            "unread": len(runs) - len(rows),
            "is_cut": len(runs) >= MAX_RUNS,
        }

    def details(self, name: str) -> dict[str, Any]:
        """Configuration, plan, processes and deaths of a run.

        KeyError if there is no such run, OSError or ValueError if its configuration cannot be read.
        """
        path = self.path_of(name)
        config = read_object(path / run_files.CONFIG).get("config")
        return {
            "config": config if isinstance(config, dict) else {},
            "plan": self._plan(name, path),
            "ranks": ranks_of(path),
            "deaths": deaths_of(path),
        }

    def series(self, name: str, value: str) -> dict[str, Any]:
        """Points of ``value``, names of all values, events; KeyError if there is no such run, OSError."""
        path = self.path_of(name)
        with self._lock:
            series = self._series.setdefault(name, SeriesFile(path / run_files.METRICS))
            self._series.move_to_end(name)
            if len(self._series) > MAX_OPEN_SERIES:
                self._series.popitem(last=False)
        with series.lock:
            series.read_on()
            return {
                "points": series.points(value),
                "names": series.names(),
                "events": series.events,
                "strange_rows": series.strange_rows,
                "read": series.offset,
                "size": series.size,
            }

    def signature(self, names: list[str]) -> Times:
        """Changes with the files and locks of the runs ``names`` and, more slowly, with the list of runs."""
        with self._lock:
            runs = self._scan()
            chosen = [runs[name] for name in names if name in runs]
        locked = lock_holders().keys()
        states = [float(_is_locked(path, locked)) for path in chosen]
        return (len(runs), *states, *(value for path in chosen for value in _times(path)))

    def path_of(self, name: str) -> Path:
        """The directory of the run ``name``; KeyError if there is none in the list."""
        with self._lock:
            return self._scan()[name]

    def _plan(self, name: str, path: Path) -> Optional[Plan]:
        """The plan of the run, made once for each configuration."""
        times = _times(path)[:2]
        kept = self._plans.get(name)
        if kept is None or kept[0] != times:
            kept = self._plans[name] = (times, self._plan_of(path))
        return kept[1]

    def _scan(self) -> dict[str, Path]:
        if time.monotonic() - self._scanned > SCAN_EVERY_S:
            listed = list(islice(find_runs(str(self._root), MAX_DEPTH), MAX_RUNS))
            newest_first = [Path(path) for path, _ in sorted(listed, key=itemgetter(1), reverse=True)]
            found = {self._name(path): path for path in newest_first}
            self._runs, self._scanned = found, time.monotonic()
            self._kept = {name: kept for name, kept in self._kept.items() if name in found}
            self._plans = {name: kept for name, kept in self._plans.items() if name in found}
        return self._runs

    def _name(self, path: Path) -> str:
        return path.name if path == self._root else str(path.relative_to(self._root))

    def _row(self, name: str, path: Path, locked: Collection[int]) -> dict[str, Any]:
        times = _times(path)
        kept = self._kept.get(name)
        if kept is None or kept[0] != times:
            kept = self._kept[name] = (times, _figures(path))
        return {
            "name": name,
            "updated": max(times[::2]),
            **kept[1],
            "state": _state(path, times, kept[1], locked),
        }


def _times(path: Path) -> Times:
    """Time of change and size of each file of a run, 0 for one that is not there."""
    found: list[float] = []
    for name in _FILES:
        try:
            status = os.lstat(f"{path}/{name}")
            found += [status.st_mtime, status.st_size]
        except OSError:
            found += [0.0, 0.0]
    return tuple(found)


def _state(path: Path, times: Times, figures: dict[str, Any], locked: Collection[int]) -> str:
    _, metrics, summary, error = times[::2]
    if figures["note"]:
        return "damaged"
    if _is_locked(path, locked):
        return "running"
    if error and error >= max(summary, metrics):
        return "failed"
    if summary:
        return "finished"
    is_elsewhere = figures["host"] != node()
    return "running" if is_elsewhere and time.time() - metrics < FRESH_S else "stopped"


def _is_locked(path: Path, locked: Collection[int]) -> bool:
    try:
        return os.lstat(f"{path}/{run_files.LOCK}").st_ino in locked
    except OSError:
        return False


def _figures(path: Path) -> dict[str, Any]:
    """What the table shows of a run; ``note`` says what is wrong with its files."""
    try:
        document = read_object(path / run_files.CONFIG)
        has_summary = modified(f"{path}/{run_files.SUMMARY}") is not None
        summary = read_object(path / run_files.SUMMARY) if has_summary else {}
        note = ""
    except (OSError, ValueError):
        document, summary, note = {}, {}, "a file of this run cannot be read"
    last = _last_rows(path / run_files.METRICS)
    train, validation = last.get("train", {}), last.get("validation", {})
    step = _number(summary.get("steps"), max((row["step"] for row in last.values()), default=None))
    total = _number(document.get("total_steps"), summary.get("steps"))
    pace = _number(train.get("sec_per_step"))
    known = step is not None and total is not None and pace is not None
    return {
        "step": step,
        "total_steps": total,
        "eta_s": max(0, total - step) * pace if known else None,  # type: ignore[operator]
        "epoch": _number(summary.get("epochs"), train.get("epoch")),
        "loss": _number(train.get("loss")),
        "top1": _number(summary.get("top1"), validation.get("top1")),
        "images_per_sec": _number(train.get("images_per_sec")),
        "parts": {name: value for name in PARTS if (value := _number(train.get(name))) is not None},
        "processes": _number(summary.get("processes"), document.get("processes")),
        "note": note,
        "host": str(document.get("host", ""))[:64],
    }


def _last_rows(path: Path) -> dict[str, dict[str, Any]]:
    """The last row of each kind that the table shows, among the last rows of the file."""
    try:
        tail = read_part(path, -TAIL_BYTES, TAIL_BYTES)
    except OSError:
        return {}
    whole = tail[: tail.rfind(b"\n") + 1]
    found = {kind: _last_row(whole, kind) for kind in ("train", "validation")}
    return {kind: row for kind, row in found.items() if row}


def _last_row(whole: bytes, kind: str) -> dict[str, Any]:
    """Looks for the word and parses where it stands: parsing all rows of thousands of runs takes seconds."""
    end = len(whole)
    for _ in range(MAX_TRIES):
        at = whole.rfind(f'"{kind}"'.encode(), 0, end)
        if at < 0:
            break
        end = whole.rfind(b"\n", 0, at) + 1
        with suppress(CheckpointError):  # cut, or of another version
            row = parse_row(whole[end : whole.index(b"\n", at)], kind)
            if row["kind"] == kind:
                return row
    return {}


def _number(*candidates: Any) -> Optional[float]:
    return next((value for value in candidates if type(value) in (int, float) and abs(value) < 1e300), None)
