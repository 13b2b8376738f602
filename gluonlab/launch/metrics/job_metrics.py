"""What the launcher knows of its job, and what rank 0 has logged, as metrics."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

from gluonlab import __version__
from gluonlab.errors import GluonlabError
from gluonlab.reporting import run_files
from gluonlab.reporting.exposition import Family
from gluonlab.reporting.row_reader import RowReader
from gluonlab.supervision.switchboard import RankView, Switchboard

# kind of row, its value, the metric, its help
_OF_ROWS = (
    ("train", "loss", "train_loss", "Mean training loss of the last log interval."),
    ("train", "top1", "train_top1_ratio", "Training top-1 of the last log interval."),
    ("train", "epoch", "epochs", "Epochs trained."),
    ("train", "learning_rate", "learning_rate", "Learning rate of the last logged update."),
    ("train", "images_per_sec", "images_per_second", "Images per second of all processes."),
    ("train", "sec_per_step", "step_duration_seconds", "Mean time of an update in the last log interval."),
    ("train", "wait_fraction", "data_wait_ratio", "Part of the time that rank 0 waited for batches."),
    ("validation", "loss", "validation_loss", "Loss of the last validation."),
    ("validation", "top1", "validation_top1_ratio", "Top-1 of the last validation."),
    ("validation", "seconds", "validation_duration_seconds", "What the last validation took."),
    ("checkpoint", "step", "checkpoint_step", "Update of the last checkpoint."),
    ("checkpoint", "time", "checkpoint_timestamp_seconds", "When the last checkpoint was whole, unix time."),
    ("checkpoint", "seconds", "checkpoint_stall_duration_seconds", "What it kept the training waiting."),
    ("checkpoint", "write_seconds", "checkpoint_write_duration_seconds", "What writing it took."),
)
_STAGES = (
    ("decode", "decode_ms_per_image"),
    ("augment", "augment_ms_per_image"),
    ("collate", "collate_ms_per_image"),
)


class JobMetrics:
    """Of the job that trains in ``run_dir``; `begin` tells it of each start, `look` what goes on."""

    def __init__(self, run_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._run_dir, self._clock = run_dir, clock
        self._rows = RowReader(run_dir / run_files.METRICS)
        self._latest: dict[str, run_files.Row] = {}
        self._cannot_read = 0
        self._board: Optional[Switchboard] = None
        self._attempt = 0
        self._phases: defaultdict[tuple[int, str], float] = defaultdict(float)
        self._looked = clock()
        self._turn = threading.Lock()  # a port and a sender have a thread each

    def begin(self, attempt: int, board: Switchboard) -> None:
        """The job starts for the ``attempt``-th time, and is heard by ``board``."""
        self._attempt, self._board = attempt, board

    def look(self) -> None:
        """Count the time since the last look for the phases that ranks are in; to be called every second."""
        with self._turn:
            now = self._clock()
            for view in self._views():
                if view.left is None and view.phase:
                    self._phases[view.rank, view.phase] += max(0.0, now - self._looked)
            self._looked = now

    def families(self) -> Iterator[Family]:
        """All metrics, as they are now."""
        self._read_rows()
        yield from self._of_job()
        yield from self._of_ranks()
        yield from self._of_rows()

    def _views(self) -> list[RankView]:
        return [view for _, view in sorted(dict(self._board.ranks).items())] if self._board else []

    def _read_rows(self) -> None:
        try:
            with self._turn:
                for row in self._rows.new_rows():
                    self._latest[row["kind"]] = row
        except (OSError, GluonlabError):
            self._cannot_read += 1

    def _of_job(self) -> Iterator[Family]:
        yield _gauge("info", "The run and what trains it.", 1, run=self._run_dir.name, version=__version__)
        yield _gauge("processes", "Processes of the job.", self._board.size if self._board else 0)
        yield _counter("restarts", "Starts after the first.", max(0, self._attempt - 1))
        yield _counter("log_read_errors", "Times that the metrics file could not be read.", self._cannot_read)

    def _of_ranks(self) -> Iterator[Family]:
        up = Family("gluonlab_rank_up", "gauge", "Whether the process is connected to the launcher.")
        steps = Family("gluonlab_rank_step", "gauge", "Updates that the process has finished.")
        idle = Family("gluonlab_rank_idle_seconds", "gauge", "Time since the process last made progress.")
        phases = Family(
            "gluonlab_rank_phase_seconds_total", "counter", "Time by what the process did or waited for."
        )
        for view in self._views():
            labels = {"rank": str(view.rank), "host": view.host}
            up.add(float(view.left is None), **labels)
            steps.add(view.step, **labels)
            idle.add(view.idle, **labels)
        for (rank, phase), seconds in sorted(dict(self._phases).items()):
            phases.add(seconds, rank=str(rank), phase=phase)
        yield from (up, steps, idle, phases)

    def _of_rows(self) -> Iterator[Family]:
        for kind, key, name, text in _OF_ROWS:
            value = _number(self._latest.get(kind, {}), key)
            if value is not None:
                yield _gauge(name, text, value)
        parts = Family(
            "gluonlab_data_seconds_per_image", "gauge", "Time of a loader thread for an image, by stage."
        )
        for stage, key in _STAGES:
            value = _number(self._latest.get("train", {}), key)
            if value is not None:
                parts.add(value / 1000, stage=stage)
        yield parts
        saved = _number(self._latest.get("checkpoint", {}), "time")
        if saved is not None:
            yield _gauge("checkpoint_age_seconds", "Time since the last checkpoint.", self._clock() - saved)


def _gauge(name: str, text: str, value: float, **labels: str) -> Family:
    return Family(f"gluonlab_{name}", "gauge", text, [(labels, value)])


def _counter(name: str, text: str, value: float) -> Family:
    return Family(f"gluonlab_{name}_total", "counter", text, [({}, value)])


def _number(row: dict[str, Any], key: str) -> Optional[float]:
    value = row.get(key)
    return value if type(value) in (int, float) else None
