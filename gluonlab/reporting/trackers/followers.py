"""The processes that follow a run for its trackers, as the process that trains sees them.

It starts them, looks now and then whether one has failed, and closes their standard input at its end. It
never waits for one while it trains.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from gluonlab.commands import gluonlab_command
from gluonlab.reporting.trackers import check_installed

START_SECONDS = 600
"""What importing and opening a tracker may take, beside processes that have the cores for themselves."""
CALL_SECONDS = 60
LAST_ROWS_SECONDS = 30.0
"""How long a run that has finished waits for its last rows to be taken."""
_LOOK_SECONDS = 0.05


class Followers:
    """One process for each of ``names`` of `TRACKERS`, once it is started; without names nothing at all."""

    def __init__(self, run_dir: Path = Path(), names: Sequence[str] = ()) -> None:
        self._run_dir, self._names = run_dir, names
        self._processes: dict[str, Optional[subprocess.Popen[bytes]]] = {}
        self._news: list[str] = []

    def check(self) -> None:
        """Refuse trackers that are not installed (ENV84)."""
        check_installed(self._names)

    def start(self) -> None:
        """Start them, unless that was done."""
        for name in self._names:
            if name in self._processes:
                continue
            try:
                self._processes[name] = self._spawn(name)
            except OSError as error:
                self._processes[name] = None
                self._tell(name, f"its process cannot be started ({error.strerror})")

    def news(self) -> list[str]:
        """A line for each that failed since the last call; costs a system call for each that lives."""
        for name, process in self._processes.items():
            if process and process.poll() is not None:
                self._processes[name] = None
                self._hear(name, process)
        news, self._news = self._news, []
        return news

    def finish(self) -> list[str]:
        """Let them take the last rows of a finished run; a line for each that failed, or did not in time."""
        self.close()
        deadline = time.monotonic() + LAST_ROWS_SECONDS
        news = self.news()
        while any(self._processes.values()) and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)
            news += self.news()
        for name, process in self._processes.items():
            if process:
                process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(1.0)
                _close_pipes(process)
                self._processes[name] = None
                self._tell(name, f"did not take the last rows within {LAST_ROWS_SECONDS:g} s")
        return news + self.news()

    def close(self) -> None:
        """Tell them that no row will come; they end by themselves."""
        for process in self._processes.values():
            if process and process.stdin:
                process.stdin.close()

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        words = [str(self._run_dir.absolute()), name, str(START_SECONDS), str(CALL_SECONDS)]
        return subprocess.Popen(
            [sys.executable, "-m", "gluonlab.reporting.trackers.child", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Neither Ctrl-C nor what ends the job's processes is for it: it ends after them.
            start_new_session=True,
            env={key: value for key, value in os.environ.items() if not key.startswith("GLUONLAB_")},
        )

    def _hear(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None, "it is a pipe"
        said = process.stdout.read().decode(errors="replace")
        _close_pipes(process)
        if process.returncode < 0:
            self._tell(name, f"took too long, or was ended from outside (signal {-process.returncode})")
        elif process.returncode:
            self._tell(name, said or f"its process ended with {process.returncode}")

    def _tell(self, name: str, what: str) -> None:
        later = gluonlab_command("runs", self._run_dir.parent, "--send", self._run_dir.name, name)
        self._news.append(f"warning: tracker {name}: {what}; the run goes without it; later: {later}")


def _close_pipes(process: subprocess.Popen[bytes]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
