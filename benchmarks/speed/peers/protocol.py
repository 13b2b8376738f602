"""A side of a comparison in a process of its own, which measures when it is told to.

Standard library only: sides run in other environments too. The parent writes a number of steps, the side
answers with the seconds they took and its peak memory; while it waits it uses no core.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional

WARMUP_STEPS = 3
GRACE_SECONDS = 20


class Questions:
    """A side's end: the parent asks for a number of steps and is told how long they took.

    The first steps, which nobody asked for, warm up; ``about`` is what the side says of itself after them.
    ``wait`` is for the device.
    """

    def __init__(self, wait: Callable[[], object], about: Mapping[str, Any]) -> None:
        self._answers = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)  # whatever a library prints must not mix with the answers
        self._wait, self._about = wait, about
        self._left, self._start = WARMUP_STEPS, 0.0

    def wants_step(self) -> bool:
        """Call it before each step. False when the parent is gone."""
        if self._left == 0:
            self._wait()
            print(json.dumps(self._answer()), file=self._answers)
            line = sys.stdin.readline()
            if not line:
                return False
            self._left, self._start = int(line), time.perf_counter()
        self._left -= 1
        return True

    def _answer(self) -> Mapping[str, Any]:
        if not self._start:
            return self._about
        seconds = time.perf_counter() - self._start
        return {"seconds": seconds, "peak_memory_bytes": _peak_memory_bytes()}


def serve(step: Callable[[], object], wait: Callable[[], object], about: Mapping[str, Any]) -> None:
    """Run ``step`` as often as the parent asks."""
    questions = Questions(wait, about)
    while questions.wants_step():
        step()


def _peak_memory_bytes() -> int:
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


class Side:
    """The parent's end of a side; ``about`` is what it says of itself."""

    def __init__(self, command: Sequence[str], environment: Optional[Mapping[str, str]] = None) -> None:
        self._job = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self.peak_memory_bytes = 0
        self.about = self._answer()

    def seconds_per_step(self, steps: int) -> float:
        """Let the side run ``steps`` steps."""
        assert self._job.stdin is not None
        self._job.stdin.write(f"{steps}\n")
        self._job.stdin.flush()
        answer = self._answer()
        self.peak_memory_bytes = int(answer["peak_memory_bytes"])
        return float(answer["seconds"]) / steps

    def close(self) -> None:
        """End the side."""
        try:
            self._job.communicate(timeout=GRACE_SECONDS)  # closes its stdin
        except subprocess.TimeoutExpired:
            self._job.kill()
            self._job.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._job.stdout is not None
        line = self._job.stdout.readline()
        if not line:
            _, errors = self._job.communicate()
            raise RuntimeError(f"{' '.join(map(str, self._job.args))}:\n{errors[-2000:]}")  # type: ignore[arg-type]
        answer: dict[str, Any] = json.loads(line)
        return answer
