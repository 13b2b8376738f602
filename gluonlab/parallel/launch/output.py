"""The output of a job: what processes say reaches the user and logs, what the engine adds does not."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Optional, TextIO

from gluonlab.reporting.held_directory import HeldDirectory

# Stacks of a process that idles or crashed (faulthandler): for the log only.
_STACK_BEGINS = re.compile(r"^(Timeout \(\d|Fatal Python error|Thread 0x|Current thread 0x)")
_STACK_GOES_ON = re.compile(
    r'^(  File "|  \.\.\.|  <no Python frame>|Thread 0x|Current thread 0x|Extension modules:|$)'
)


class Output:
    """Sorts the lines of a job by the ``prefix`` that its engine puts before them; group 1 is the rank.

    Rank 0 speaks for the job, the others with their number in front. ``logs`` gets a file for each
    process. ``engine_words`` are the lines without a prefix.
    """

    def __init__(self, prefix: re.Pattern[str], stream: TextIO, logs: Optional[Path]) -> None:
        self.engine_words: list[str] = []
        self._prefix, self._stream = prefix, stream
        self._logs = HeldDirectory(logs) if logs else None
        self._files: dict[int, IO[str]] = {}
        self._is_in_stack: dict[tuple[int, str], bool] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def follow(self, job: subprocess.Popen[str]) -> None:
        """Begin to copy stdout and stderr of ``job``."""
        for lines, target in ((job.stdout, self._stream), (job.stderr, sys.stderr)):
            assert lines is not None, "it was asked for"
            thread = threading.Thread(target=self._copy, args=(lines, target), daemon=True)
            thread.start()
            self._threads.append(thread)

    def finish(self, seconds: float = 5.0) -> str:
        """Wait for the last lines; returns what the engine itself said."""
        for thread in self._threads:
            thread.join(seconds)
        for file in self._files.values():
            file.close()
        return " ".join(self.engine_words)

    def _copy(self, lines: Iterable[str], target: TextIO) -> None:
        name = "stderr" if target is sys.stderr else "stdout"
        for line in lines:
            match = self._prefix.match(line)
            if match is None:
                self.engine_words.append(line.strip())
                continue
            rank, text = int(match[1] or 0), line[match.end() :]
            self._log(rank, text)
            if not self._is_stack(rank, name, text):
                target.write(text if rank == 0 else f"[{rank}] {text}")
                target.flush()

    def _log(self, rank: int, text: str) -> None:
        if self._logs is None:
            return
        with self._lock:
            try:
                if rank not in self._files:
                    self._logs.make()
                    path = self._logs.path / f"rank-{rank:05d}.txt"
                    self._files[rank] = path.open("a", encoding="utf-8")
                self._files[rank].write(text)
                self._files[rank].flush()
            except OSError as error:
                sys.stderr.write(
                    f"warning: {self._logs.path}: {error.strerror}; the job goes on without logs\n"
                )
                self._logs = None

    def _is_stack(self, rank: int, name: str, text: str) -> bool:
        goes_on = self._is_in_stack.get((rank, name), False) and bool(_STACK_GOES_ON.match(text.rstrip("\n")))
        self._is_in_stack[rank, name] = goes_on or bool(_STACK_BEGINS.match(text))
        return self._is_in_stack[rank, name]
