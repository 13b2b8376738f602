"""Starts P processes on this host through MPI or Gloo, shows their output, tells how they ended."""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import IO, Literal, Optional, TextIO

from gluonlab.errors import ClusterError, GluonlabError, SetupError
from gluonlab.parallel.failure import REPORT_DIRECTORY, read_reports
from gluonlab.parallel.horovod_world import is_horovod_installed

Backend = Literal["mpi", "gloo"]

# Tells rank 0, which draws the progress bar, what it cannot see; 0 is no terminal.
TERMINAL_WIDTH = "GLUONLAB_TERMINAL_WIDTH"

_BANNER = re.compile(r"^-{40,}$")
_SIGNALLED = re.compile(r"process rank (\d+) with PID \d+ on node (\S+) exited on\s+signal (\d+)", re.DOTALL)


def launch(
    command: Sequence[str], processes: int, backend: Backend = "mpi", stream: Optional[TextIO] = None
) -> None:
    """Run ``command`` in ``processes`` processes that form one world; returns when all ended well.

    What they print goes to ``stream``, stdout by default.

    Raises:
        SetupError: Horovod or the launcher program is missing.
        GluonlabError: what the first faulty process reported, with its exit code.
        ClusterError: CLU10 if a process died without a word, named with its signal.
    """
    start = _start_command(processes, backend)
    with tempfile.TemporaryDirectory(prefix="gluonlab-") as directory:
        columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
        environment = {**os.environ, REPORT_DIRECTORY: directory, TERMINAL_WIDTH: str(columns)}
        engine_words: list[str] = []
        job = subprocess.Popen(
            [*start, *command],
            env=environment,
            stdout=stream,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )
        with _Forwarding(job):
            assert job.stderr is not None, "it was asked for"
            _show_stderr(job.stderr, engine_words)
            code = job.wait()
        if code != 0:
            _raise_failure(code, Path(directory), " ".join(engine_words))


def _start_command(processes: int, backend: Backend) -> list[str]:
    if not is_horovod_installed():
        raise SetupError(
            "ENV06",
            "horovod",
            "is not installed, so several processes cannot train together",
            "run ./scripts/install.sh, which builds it; gluonlab train works without",
        )
    binaries = Path(sys.executable).parent
    if backend == "gloo":
        horovodrun = binaries / "horovodrun"
        return [str(horovodrun), "--gloo", "-np", str(processes), "--network-interfaces", "lo"]
    mpirun = binaries / "mpirun"
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
    """Passes SIGINT and SIGTERM on to the job, and ends it when the launcher fails."""

    def __init__(self, job: subprocess.Popen[str]) -> None:
        self._job = job
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._forward)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if self._job.poll() is None:
            self._job.kill()
            self._job.wait()

    def _forward(self, number: int, _: Optional[FrameType]) -> None:
        self._job.send_signal(number)


def _show_stderr(stream: IO[str], engine_words: list[str]) -> None:
    for line in _without_banners(stream, engine_words):
        sys.stderr.write(line)
        sys.stderr.flush()


def _without_banners(lines: Iterable[str], engine_words: list[str]) -> Iterator[str]:
    """Drop what the MPI engine says between two rulers; it blames the rank that ended first."""
    is_inside = False
    for line in lines:
        if _BANNER.match(line.rstrip()):
            is_inside = not is_inside
        elif is_inside:
            engine_words.append(line.strip())
        else:
            yield line


def _raise_failure(code: int, directory: Path, engine_words: str) -> None:
    reports = read_reports(directory)
    if reports and not reports[0].is_victim:
        raise LaunchedError(reports[0].message, reports[0].exit_code)
    signalled = _SIGNALLED.search(engine_words)
    if signalled:
        name = signal.Signals(int(signalled[3])).name
        raise ClusterError("CLU10", f"rank {signalled[1]} ({signalled[2]})", f"died: {name}", _CONTINUE)
    if code < 0 or code > 128:
        name = signal.Signals(-code if code < 0 else code - 128).name
        raise ClusterError("CLU10", "the job", f"was ended by {name}", _CONTINUE)
    if code < 128 and reports:  # all lost their peer, and the peer said nothing
        raise LaunchedError(reports[0].message, reports[0].exit_code)
    raise ClusterError("CLU11", "the job", f"ended with code {code}: {engine_words[:300] or 'no message'}")


_CONTINUE = "the same command continues from the last checkpoint"


class LaunchedError(GluonlabError):
    """The message and exit code of the process that failed first."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__("CLU11", "the job", message)
        self._message = message
        self.exit_code = exit_code

    def __str__(self) -> str:
        return self._message
