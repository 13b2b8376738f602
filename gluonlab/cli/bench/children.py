"""Measurements in processes of their own: one that dies, or has other threads, does not touch this one."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Optional

from gluonlab.bench.result import Row, read_result
from gluonlab.errors import GluonlabError


def run_bench(arguments: Sequence[str], before: Optional[Callable[[], None]] = None) -> list[Row]:
    """The rows that ``gluonlab bench ARGUMENTS`` measures in a process of its own.

    ``before`` is called in the child before it becomes the command.

    Raises:
        ChildFailedError: it ended otherwise than well.
    """
    with tempfile.TemporaryDirectory(prefix="gluonlab-") as directory:
        path = Path(directory) / "result.json"
        command = [sys.executable, "-m", "gluonlab.cli.main", "bench", *arguments, "--json", str(path)]
        job = subprocess.run(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=before,
        )
        if job.returncode != 0:
            raise ChildFailedError(job.returncode, job.stderr)
        rows: list[Row] = read_result(path)["rows"]
        return rows


class ChildFailedError(GluonlabError):
    """A measurement in a process of its own failed; what it said last, with its exit code."""

    def __init__(self, returncode: int, words: str) -> None:
        lines = [line for line in words.splitlines() if line.strip()]
        said = lines[-1] if lines else f"ended with {returncode}"
        super().__init__("BEN02", "a measurement", said)
        self.exit_code = returncode if returncode > 0 else 128 - returncode

    @property
    def is_death(self) -> bool:
        """Whether it ended for want of memory: it said so, or fell over an allocation that failed."""
        own_codes = (2, 3, 4, 5, 7, 8, 70)
        return self.exit_code not in own_codes
