"""Runs a probe in a child process, so that a crash, a hang or an exit in it is a finding and no more."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What a probe returned, or the ``error`` that kept it from it and the ``mend`` it named."""

    values: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    mend: str = ""


def ask(probe: str, *arguments: str, timeout: float = 60) -> Answer:
    """The answer of ``gluonlab.doctor.probes``'s ``probe`` within ``timeout`` seconds."""
    job = subprocess.Popen(
        [sys.executable, "-m", "gluonlab.doctor.probes", probe, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": _python_path(), "PYTHONWARNINGS": "ignore"},
    )
    try:
        output, errors = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job.pid, signal.SIGKILL)
        job.communicate()
        return Answer(error=f"no answer within {timeout:g} s")
    if job.returncode < 0:
        return Answer(error=f"died: {signal.Signals(-job.returncode).name}")
    try:
        answer = json.loads(output.rstrip().rpartition("\n")[2])
    except ValueError:
        last = errors.rstrip().rpartition("\n")[2]
        return Answer(error=last or f"ended with code {job.returncode} and no word")
    return Answer(**answer)


def _python_path() -> str:
    """The modules of this process for the child, wherever it is started."""
    package_root = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package_root]))
