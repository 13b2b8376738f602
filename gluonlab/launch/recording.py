"""Collects what the flight recorders of a job hold, also those of frozen and dead processes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Optional

from gluonlab.commands import gluonlab_command
from gluonlab.reporting.held_directory import HeldDirectory
from gluonlab.reporting.recorder_files import RankRecord, difference_between, write_records
from gluonlab.supervision.first_difference import Difference
from gluonlab.supervision.flight_recorder import memory_of_rank, recorded_in
from gluonlab.supervision.line import boot_of_host
from gluonlab.supervision.switchboard import RankView, Switchboard
from gluonlab.supervision.watchdog import STANDSTILLS, Trouble

ANSWER_SECONDS = 2.0
WRITE_SECONDS = 3.0
# A process that has said nothing for so long is frozen, and not waited for.
SILENT_SECONDS = 3.0
# Of errors: what processes did last says nothing of a recipe, of data or of a disk.
_EVENTS = {5: "divergence", 6: "divergence", 7: "death", 9: "death", 70: "death"}
ASKED = "asked"


def event_of(trouble: Optional[Trouble], ranks: Mapping[int, RankView], code: Optional[int]) -> str:
    """Why a job that ends should be recorded, in a word; "" if there is no reason.

    ``code`` is the engine's, None while it runs.
    """
    reports = [view.report for view in ranks.values() if view.report]
    told = [_EVENTS.get(report.exit_code, "") for report in reports if not report.is_victim]
    if told:
        return told[0]
    if trouble:
        return "standstill" if trouble.problem.code in STANDSTILLS else "death"
    return "death" if reports or code else ""


class Recording:
    """Asks the processes of ``board`` for their recorders, and writes them to the job's ``folder`` of logs.

    ``memory`` is the folder in which processes of this host keep theirs. A thread does it, for a process or
    a disk may keep it waiting, and the watch over the job must go on. Then ``difference`` is the first one
    between ranks, ``command`` the one that draws what was written.
    """

    def __init__(
        self, board: Switchboard, folder: Optional[HeldDirectory], memory: Path, attempt: int
    ) -> None:
        self._board, self._folder, self._memory, self._attempt = board, folder, memory, attempt
        self._thread: Optional[threading.Thread] = None
        self._told = 0
        self.difference: Optional[Difference] = None
        self.command = ""

    def follow(self, wishes: int) -> None:
        """Record what was asked for, once for all ``wishes`` that came since the last time."""
        if wishes > self._told and not (self._thread and self._thread.is_alive()):
            self._told = wishes
            self._begin(ASKED)

    def finish(self, event: str) -> None:
        """Record ``event``, and wait until that is done, a few seconds at most."""
        if self._thread:
            self._thread.join(ANSWER_SECONDS)
        self._begin(event)
        if self._thread:
            self._thread.join(ANSWER_SECONDS + WRITE_SECONDS)

    def _begin(self, event: str) -> None:
        name = "gluonlab-recording"
        self._thread = threading.Thread(target=self._record, args=(event,), name=name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads
            self._thread = None

    def _record(self, event: str) -> None:
        asked, views = time.monotonic_ns(), dict(self._board.ranks)
        self._board.tell_all({"record": True})
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline and any(self._is_awaited(view, asked) for view in views.values()):
            time.sleep(0.01)
        records = {rank: record for rank in sorted(views) if (record := self._record_of(views[rank], asked))}
        counts = {rank: view.collectives for rank, view in views.items()}
        self.difference = difference_between(records, counts)
        if self._folder and records:
            self._write(self._folder, event, records)

    def _is_awaited(self, view: RankView, asked: int) -> bool:
        is_there = view.left is None and self._board.clock() - view.heard < SILENT_SECONDS
        return is_there and not (view.answer and view.answer.here >= asked)

    def _record_of(self, view: RankView, asked: int) -> Optional[RankRecord]:
        """What the process has answered since it was ``asked``, or its memory, or an older answer."""
        about = (view.rank, view.host, view.pid, self._attempt, time.time())
        answer = view.answer
        if answer is None or answer.here < asked:
            try:
                recorded = recorded_in(memory_of_rank(self._memory, view.rank).read_bytes())
                return RankRecord(*about, boot_of_host(), 0, 0, recorded)
            except OSError:
                pass
        if answer is None:
            return None
        if answer.boot and answer.boot == boot_of_host():
            return RankRecord(*about, answer.boot, 0, 0, answer.recorded)
        if answer.here < asked:
            return RankRecord(*about, answer.boot, None, 0, answer.recorded)
        ahead, error = answer.there - (asked + answer.here) // 2, (answer.here - asked) // 2
        return RankRecord(*about, answer.boot, ahead, error, answer.recorded)

    def _write(self, folder: HeldDirectory, event: str, records: dict[int, RankRecord]) -> None:
        try:
            folder.make()
            write_records(folder.path, event, records)
        except OSError as error:
            _say(f"warning: flight recorders: {error.strerror or error}")
            return
        self.command = gluonlab_command("runs", "--timeline", folder.path.parent)
        if event == ASKED:  # else the error that ends the job says it
            difference = f"; rank {self.difference.rank} {self.difference.what}" if self.difference else ""
            _say(f"flight recorders of {len(records)} processes: {self.command} draws them{difference}")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
