"""Runs of a sweep in processes of their own, each on its share of the cores of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Optional

from gluonlab.disk import writing
from gluonlab.runtime.parent import end_with_parent
from gluonlab.sweep.record import Trial


@dataclass
class Child:
    """A run under way, in its ``slot`` of the machine, to the epoch ``rung`` or, if that is None, its end."""

    trial: Trial
    slot: int
    rung: Optional[float]
    process: subprocess.Popen[bytes]
    said: IO[bytes]
    is_asked_to_stop: bool = False

    def last_words(self) -> str:
        """The last line it wrote to stderr."""
        self.said.seek(0)
        lines = [line for line in self.said.read().decode(errors="replace").splitlines() if line.strip()]
        self.said.close()
        return lines[-1].strip() if lines else ""

    def stop(self) -> None:
        """Ask it to save and end, once: a second signal would end it at once."""
        if self.is_asked_to_stop:
            return
        self.is_asked_to_stop = True
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)


def start_child(
    command: Sequence[str], trial: Trial, rung: Optional[float], slot: int, jobs: int, logs: Path
) -> Child:
    """Start ``command`` in ``slot`` of ``jobs``; what it says on stderr goes to a file in ``logs``.

    It ends with this process, whatever ends that, saved: it is asked to stop.
    """
    log = logs / f"{trial.name}.txt"
    with writing(log):
        said = log.open("w+b")
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=said,
        start_new_session=True,
        preexec_fn=partial(_become_child, cores_of(slot, jobs), os.getpid()),
    )
    return Child(trial, slot, rung, process, said)


def num_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def cores_of(slot: int, jobs: int) -> list[int]:
    """The cores of ``slot``: neighbours, as many as those of each other slot or one more."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[slot * len(cores) // jobs : (slot + 1) * len(cores) // jobs]


def _become_child(cores: Sequence[int], parent: int) -> None:
    end_with_parent()
    if os.getppid() != parent:  # which died before it could be told
        os._exit(128 + signal.SIGTERM)
    os.sched_setaffinity(0, cores)
