"""The output of a job: what processes say reaches the user and logs, what the engine adds does not."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import IO, Optional, TextIO

from gluonlab.reporting.held_directory import HeldDirectory

# What Horovod says when its thread has ended, and nothing will be added up any more.
_NO_HOROVOD = re.compile(r"Horovod background loop uncaught exception: (.*)")
# So long what a process said counts for the reason of its end.
LAST_SECONDS = 15.0
# Stacks of a process that idles or crashed (faulthandler): for the log only.
_STACK_BEGINS = re.compile(r"^(Timeout \(\d|Fatal Python error|Thread 0x|Current thread 0x)")
_STACK_GOES_ON = re.compile(
    r'^(  File "|  \.\.\.|  <no Python frame>|Thread 0x|Current thread 0x|Extension modules:|$)'
)


class Output:
    """Sorts the lines of a job by the ``prefix`` that its engine puts before them; group 1 is the rank.

    Rank 0 speaks for the job, the others with their number in front. ``logs`` gets a file for each
    process. ``engine_words`` are the lines without a prefix, ``without_horovod`` are the processes whose
    Horovod has ended, and of what. A ``stream`` that takes no more lines loses them.
    """

    def __init__(self, prefix: re.Pattern[str], stream: TextIO, logs: Optional[Path]) -> None:
        self.engine_words: list[str] = []
        self.without_horovod: dict[int, str] = {}
        self._said: dict[int, deque[tuple[float, str]]] = defaultdict(partial(deque, maxlen=20))
        self._prefix, self._stream = prefix, stream
        self.folder = HeldDirectory(logs) if logs else None
        self._logs = self.folder
        self._files: dict[int, IO[str]] = {}
        self._is_in_stack: dict[tuple[int, str], bool] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def follow(self, job: subprocess.Popen[str]) -> None:
        """Begin to copy stdout and stderr of ``job``."""
        for lines, target in ((job.stdout, self._stream), (job.stderr, sys.stderr)):
            assert lines is not None, "it was asked for"
            thread = threading.Thread(target=self._copy_to_the_end, args=(lines, target), daemon=True)
            thread.start()
            self._threads.append(thread)

    def finish(self, seconds: float = 5.0) -> str:
        """Wait for the last lines; returns what the engine itself said."""
        for thread in self._threads:
            thread.join(seconds)
        for file in self._files.values():
            file.close()
        return " ".join(self.engine_words)

    def last_words(self) -> dict[int, str]:
        """What each process has said on stderr in the last `LAST_SECONDS`."""
        since = time.monotonic() - LAST_SECONDS
        return {
            rank: " ".join(text for when, text in list(said) if when > since)
            for rank, said in list(self._said.items())
        }

    def _copy_to_the_end(self, lines: IO[str], target: TextIO) -> None:
        with lines:
            self._copy(lines, target)

    def _copy(self, lines: Iterable[str], target: TextIO) -> None:
        name = "stderr" if target is sys.stderr else "stdout"
        for line in lines:
            match = self._prefix.match(line)
            if match is None:
                self.engine_words.append(line.strip())
                continue
            rank, text = int(match[1] or 0), line[match.end() :]
            self._log(rank, text)
            if self._is_stack(rank, name, text):
                continue
            if name == "stderr":
                self._listen(rank, text)
            with contextlib.suppress(OSError, ValueError):
                target.write(text if rank == 0 else f"[{rank}] {text}")
                target.flush()

    def _listen(self, rank: int, text: str) -> None:
        self._said[rank].append((time.monotonic(), text.strip()))
        end = _NO_HOROVOD.search(text)
        if end:
            self.without_horovod[rank] = end[1].strip()

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
