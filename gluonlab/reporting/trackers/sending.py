"""From the rows of a run to what a tracker does not hold yet: no row is sent twice."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gluonlab.errors import CheckpointError, GluonlabError, SetupError
from gluonlab.reporting import run_files
from gluonlab.reporting.row_reader import RowReader
from gluonlab.reporting.run_files import Row
from gluonlab.reporting.trackers import Tracker, check_installed, open_tracker
from gluonlab.reporting.trackers.redaction import redact
from gluonlab.reporting.trackers.tracked_run import read_tracked_run, state_of, values_of

_MAX_REASON = 300


class Sender:
    """Hands rows to ``tracker``, each step of a kind once, in their order.

    What is repeated after a resume was sent before; so was, with its first values, what is repeated after a
    rollback.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._last = dict(tracker.last_steps())

    def send(self, rows: Iterable[Row]) -> int:
        """Send those of ``rows`` that hold numbers and are new; returns how many."""
        sent = 0
        for row in rows:
            kind, step, values = row["kind"], row["step"], values_of(row)
            if values and step > self._last.get(kind, -1):
                self._tracker.add(kind, step, float(row.get("time") or 0.0), values)
                self._last[kind] = step
                sent += 1
        self._tracker.flush()
        return sent


def send_run(run_dir: Path, name: str, *, is_running: bool = False) -> int:
    """Send the run in ``run_dir`` to the tracker ``name``; returns the number of rows that it lacked.

    Raises:
        SetupError: ENV84 it is not installed, ENV85 it failed, in a line.
        CheckpointError: CKP02 there is no run, or none that has logged; CKP03 a file of it is damaged.
    """
    if not (run_dir / run_files.CONFIG).is_file():
        raise CheckpointError("CKP02", str(run_dir), "no run here (no config.json)")
    check_installed([name])
    run = read_tracked_run(run_dir)
    if run is None:
        raise CheckpointError("CKP02", str(run_dir), "has logged nothing yet")
    try:
        tracker = open_tracker(name, run)
        sent = Sender(tracker).send(RowReader(run_dir / run_files.METRICS).new_rows())
        tracker.finish(*(("running", {}) if is_running else state_of(run_dir)))
    except GluonlabError:
        raise
    except Exception as error:
        raise SetupError("ENV85", name, reason_of(error), "once that is mended, send it again") from error
    return sent


def reason_of(error: BaseException) -> str:
    """What ``error`` of a tracker's package says, in a short line that holds no secret."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    text = redact(text, os.environ)
    return text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}..."
