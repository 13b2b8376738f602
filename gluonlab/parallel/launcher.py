"""Starts P processes on this host through MPI or Gloo, shows their output, tells how they ended."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Optional, TextIO

from gluonlab.errors import ClusterError, GluonlabError, Problem, SetupError
from gluonlab.parallel.environment import is_horovod_installed
from gluonlab.parallel.failure import REPORT_DIRECTORY, read_reports
from gluonlab.parallel.job_output import Backend, show_output

# Tell rank 0, which draws the progress bar, what it cannot see: the user's terminal and its width (0: none).
TERMINAL = "GLUONLAB_TERMINAL"
TERMINAL_WIDTH = "GLUONLAB_TERMINAL_WIDTH"
# The command as the user typed it, for the record.
COMMAND = "GLUONLAB_COMMAND"

_SIGNALLED = re.compile(r"process rank (\d+) with PID \d+ on node (\S+) exited on\s+signal (\d+)", re.DOTALL)
# The horovodrun program imports MXNet as well, which needs our shims on a newer NumPy.
_HOROVODRUN = (
    "import gluonlab.runtime.mxnet; from horovod.runner.launch import run_commandline; run_commandline()"
)
_CONTINUE = "the same command continues from the last checkpoint"


def launch(
    command: Sequence[str], processes: int, backend: Backend = "mpi", stream: Optional[TextIO] = None
) -> None:
    """Run ``command`` in ``processes`` processes that form one world; returns when all ended well.

    What they print goes to ``stream``, stdout by default.

    Raises:
        SetupError: Horovod or the launcher program is missing.
        GluonlabError: what the first faulty process reported, with its exit code; 128 + n after signal n.
        ClusterError: CLU10 if a process died without a word, named with its signal.
    """
    start = _start_command(processes, backend)
    stream = stream or sys.stdout
    with tempfile.TemporaryDirectory(prefix="gluonlab-") as directory:
        job = subprocess.Popen(
            [*start, *command],
            env={**os.environ, **_environment(directory)},
            stdout=subprocess.PIPE if backend == "gloo" else stream,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        with _Forwarding(job) as forwarding:
            engine_words = show_output(job, backend, stream)
            code = job.wait()
        if forwarding.received is not None:
            name = signal.Signals(forwarding.received).name
            problem = Problem("CLU12", "the job", f"was ended by {name}", _CONTINUE)
            raise _error_with_code([problem], 128 + forwarding.received)
        if code != 0:
            _raise_failure(code, Path(directory), engine_words)


def _environment(directory: str) -> dict[str, str]:
    environment = {
        REPORT_DIRECTORY: directory,
        COMMAND: "\n".join(["gluonlab", *sys.argv[1:]]),
        TERMINAL_WIDTH: "0",
    }
    if sys.stdout.isatty():
        environment[TERMINAL] = os.ttyname(sys.stdout.fileno())
        environment[TERMINAL_WIDTH] = str(shutil.get_terminal_size().columns)
    return environment


def _start_command(processes: int, backend: Backend) -> list[str]:
    if backend == "kvstore":
        return [sys.executable, "-m", "gluonlab.parallel.kvstore_job", str(processes)]
    if not is_horovod_installed():
        raise SetupError(
            "ENV06",
            "horovod",
            "is not installed, so several processes cannot train together",
            "run ./scripts/install.sh, which builds it; gluonlab train works without",
        )
    if backend == "gloo":
        options = ["--gloo", "-np", str(processes), "--network-interfaces", "lo"]
        return [sys.executable, "-c", _HOROVODRUN, *options]
    mpirun = Path(sys.executable).parent / "mpirun"
    program = str(mpirun) if mpirun.exists() else shutil.which("mpirun")
    if program is None:
        raise SetupError(
            "ENV09", "mpirun", "is not installed", "run ./scripts/install.sh, or use --backend gloo"
        )
    # Waiting processes give their core away, for there may be fewer cores than processes.
    options = ["--map-by", ":OVERSUBSCRIBE", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1"]
    root = ["--allow-run-as-root"] if os.geteuid() == 0 else []
    return [program, *root, *options, "-np", str(processes)]


def _end_with_parent() -> None:
    """Ask the kernel to end the job when the launcher dies, even of SIGKILL."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGTERM)


class _Forwarding:
    """Passes SIGINT and SIGTERM on to the job, and ends it when the launcher fails.

    ``received`` is the first signal that came.
    """

    def __init__(self, job: subprocess.Popen[str]) -> None:
        self.received: Optional[int] = None
        self._job = job
        self._before: dict[int, object] = {}

    def __enter__(self) -> _Forwarding:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._forward)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._job.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._job.pid, signal.SIGKILL)
            self._job.wait()

    def _forward(self, number: int, _: Optional[FrameType]) -> None:
        self.received = self.received or number
        self._job.send_signal(number)


def _raise_failure(code: int, directory: Path, engine_words: str) -> None:
    reports = read_reports(directory)
    if reports and not reports[0].is_victim:
        raise _error_with_code(reports[0].problems, reports[0].exit_code)
    signalled = _SIGNALLED.search(engine_words)
    if signalled:
        name = signal.Signals(int(signalled[3])).name
        raise ClusterError("CLU10", f"rank {signalled[1]} ({signalled[2]})", f"died: {name}", _CONTINUE)
    if code < 0 or code > 128:
        name = signal.Signals(-code if code < 0 else code - 128).name
        raise ClusterError("CLU10", "the job", f"was ended by {name}", _CONTINUE)
    if reports:  # all of them lost their peer, and the peer said nothing
        raise _error_with_code(reports[0].problems, reports[0].exit_code)
    raise ClusterError("CLU11", "the job", f"ended with code {code}: {engine_words[:300] or 'no message'}")


def _error_with_code(problems: Sequence[Problem], exit_code: int) -> GluonlabError:
    error = GluonlabError.from_problems(problems)
    error.exit_code = exit_code
    return error
