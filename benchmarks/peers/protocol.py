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


def serve(step: Callable[[], object], wait: Callable[[], object], about: Mapping[str, Any]) -> None:
    """Warm up, say ``about``, then time steps as often as asked; ``wait`` is for the device."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever a library prints must not mix with the answers
    for _ in range(WARMUP_STEPS):
        step()
    wait()
    print(json.dumps(about), file=answers)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            step()
        wait()
        seconds = time.perf_counter() - start
        print(json.dumps({"seconds": seconds, "peak_memory_bytes": _peak_memory_bytes()}), file=answers)


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
