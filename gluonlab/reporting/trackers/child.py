"""The process that follows a run for one tracker, started by `Followers`.

Its standard input is a line to the process that trains: when it closes, no further row will come. What goes
wrong it says in one line on its standard output, and ends with 1. A call of the tracker that takes too long
ends it by SIGALRM, which needs nothing of Python.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from pathlib import Path
from typing import Optional

from gluonlab.reporting import run_files
from gluonlab.reporting.row_reader import RowReader
from gluonlab.reporting.trackers import open_tracker
from gluonlab.reporting.trackers.sending import Sender, reason_of
from gluonlab.reporting.trackers.tracked_run import TrackedRun, read_tracked_run, state_of

LOOK_SECONDS = 1.0


def follow(run_dir: Path, name: str, start_seconds: int, call_seconds: int) -> None:
    """Send the rows of ``run_dir`` to the tracker ``name`` as they come, until standard input closes.

    ``start_seconds`` and ``call_seconds`` are what opening the tracker and one look may take.
    """
    run, is_over = _wait_for_first_row(run_dir)
    if run is None:
        return
    signal.alarm(start_seconds)
    tracker = open_tracker(name, run)
    sender, rows = Sender(tracker), RowReader(run_dir / run_files.METRICS)
    while True:
        signal.alarm(call_seconds)
        sender.send(rows.new_rows())
        signal.alarm(0)
        if is_over:
            break
        is_over = _is_over_within(LOOK_SECONDS)
    signal.alarm(call_seconds)
    tracker.finish(*state_of(run_dir))


def _wait_for_first_row(run_dir: Path) -> tuple[Optional[TrackedRun], bool]:
    is_over = False
    while True:
        run = read_tracked_run(run_dir)
        if run or is_over:
            return run, is_over
        is_over = _is_over_within(LOOK_SECONDS)


def _is_over_within(seconds: float) -> bool:
    """Whether standard input closes within ``seconds``; nothing is ever written to it."""
    readable, _, _ = select.select([0], [], [], seconds)
    return bool(readable)


def _keep_output_of_libraries_away() -> int:
    """A descriptor of the standard output for us alone; whatever else is printed goes nowhere."""
    own, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    return own


def main() -> None:
    """Follow as told on the command line, out of the way of those who compute."""
    run_dir, name, start_seconds, call_seconds = sys.argv[1:]
    output = _keep_output_of_libraries_away()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with contextlib.suppress(OSError):
        os.nice(19)
    try:
        follow(Path(run_dir), name, int(start_seconds), int(call_seconds))
    except BaseException as error:
        with contextlib.suppress(OSError):  # nobody may be left to hear it
            os.write(output, reason_of(error).encode())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
