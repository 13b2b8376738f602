"""One start of a job: processes, their output, the watch over them, and their end."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Optional, TextIO

import psutil

from gluonlab.disk import writing
from gluonlab.errors import Problem
from gluonlab.launch.engines import engine_of
from gluonlab.launch.environment import job_environment
from gluonlab.launch.metrics.job_metrics import JobMetrics
from gluonlab.launch.output import Output
from gluonlab.launch.plan import Backend, JobPlan
from gluonlab.launch.rank_table import RankTable
from gluonlab.launch.recording import Recording, event_of
from gluonlab.launch.signals import Signals
from gluonlab.launch.verdict import CONTINUE, JobFailure, count_oom_kills, error_with_code, judge
from gluonlab.runtime.limits import check_limits, check_threads_of_job, short_in_words
from gluonlab.runtime.parent import end_with_parent
from gluonlab.runtime.variables import check_variables
from gluonlab.supervision.stop import PreemptedError
from gluonlab.supervision.switchboard import Switchboard
from gluonlab.supervision.variables import (
    ADDRESS,
    ATTEMPT,
    BIND,
    COMMAND,
    KEY,
    KEY_FILE,
    LIMITS,
    RINGS,
    TERMINAL,
    TERMINAL_WIDTH,
)
from gluonlab.supervision.watchdog import Trouble, Watchdog, with_record

LOOK_SECONDS = 0.1
TELL_LATE_SECONDS = 30.0
# After a process has failed, the others have so long to notice by themselves.
AFTER_FAILURE_SECONDS = 5.0
TERMINATE_SECONDS = 3.0


def launch(
    command: Sequence[str], processes: int, backend: Backend = "mpi", stream: Optional[TextIO] = None
) -> None:
    """Run ``command`` once in ``processes`` processes on this host; returns when all ended well.

    What they print goes to ``stream``, stdout by default.

    Raises:
        SetupError: Horovod or the launcher program is missing.
        GluonlabError: what the first faulty process reported, with its exit code.
        ClusterError: CLU10 if a process died without a word, named with its signal.
    """
    failure = run_job(JobPlan(command, processes, backend), stream=stream)
    if failure:
        raise failure.error


def run_job(
    plan: JobPlan, attempt: int = 1, stream: Optional[TextIO] = None, metrics: Optional[JobMetrics] = None
) -> Optional[JobFailure]:
    """Start ``plan``, watch it to its end; None if all processes ended well.

    Raises:
        SetupError, ResourceError: it cannot run in this environment, under these limits.
    """
    check_variables()
    if plan.is_local:
        check_limits(is_launched=True)
        check_threads_of_job(plan.processes)
    private = tempfile.TemporaryDirectory(prefix="gluonlab-")
    with private, Switchboard(plan.address, plan.processes) as board, Signals() as signals:
        if metrics:
            metrics.begin(attempt, board)
        environment = _environment(plan, attempt, board, Path(private.name))
        engine = engine_of(plan, environment)
        kills_before = count_oom_kills()
        process = subprocess.Popen(
            [*engine.command, *plan.command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        output = Output(engine.prefix, stream or sys.stdout, plan.logs)
        table = RankTable(output.folder, attempt)
        recording = Recording(board, output.folder, Path(private.name), attempt)
        watch = _Watch(plan, process, board, signals, output, table, recording)
        try:
            output.follow(process)
            watch.until_the_end()
        finally:
            watch.end()
        words = output.finish()
        oom_kills = count_oom_kills() - kills_before
        failure = watch.forced_end or judge(
            process.returncode, words, board.ranks, watch.trouble, oom_kills, output.last_words()
        )
        if failure and failure.error.exit_code != PreemptedError.exit_code:
            table.note_death(failure.step, str(failure.error))
        return failure


class _Watch:
    """Looks at a running job until it has ended or must be ended."""

    def __init__(
        self,
        plan: JobPlan,
        process: subprocess.Popen[str],
        board: Switchboard,
        signals: Signals,
        output: Output,
        table: RankTable,
        recording: Recording,
    ) -> None:
        self.trouble: Optional[Trouble] = None
        self.forced_end: Optional[JobFailure] = None
        self._plan, self._process, self._board, self._signals = plan, process, board, signals
        self._output, self._table, self._clock = output, table, board.clock
        self._recording = recording
        self._watchdog = Watchdog(plan.processes, plan.limits, board.clock)
        self._asked_to_stop: Optional[float] = None
        self._failed: Optional[float] = None
        self._told_late = board.clock()

    def until_the_end(self) -> None:
        while self._process.poll() is None:
            self._clock.tick()
            now = self._clock()
            if self._board.failure:
                raise self._board.failure
            if now - self._told_late > TELL_LATE_SECONDS:
                self._told_late = now
                late = self._watchdog.late(self._board.ranks)
                sys.stderr.write(f"{late}\n" if late else "")
            self._table.update(list(self._board.ranks.values()), now)
            self._recording.follow(self._signals.record_wishes + self._board.record_wishes)
            self._pass_on_stop(now)
            if self.forced_end or self._has_failed(now):
                return
            time.sleep(LOOK_SECONDS)
        self._wait_for_last_words()

    def end(self) -> None:
        """End all that is left, gently first, once what it did last is written if anything went wrong."""
        event = event_of(self.trouble, self._board.ranks, self._process.poll())
        if event:
            self._recording.finish(event)
            if self.trouble:
                record = self._recording
                self.trouble = with_record(self.trouble, record.difference, record.command)
        family = self._family()
        if self._process.poll() is None:
            self._board.tell_all({"end": 143})
            self._wait(TERMINATE_SECONDS)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, number)
                self._wait(TERMINATE_SECONDS)
        for process in family:  # frozen ones, and those that the engine kept in groups of their own
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _family(self) -> list[psutil.Process]:
        """What the engine started on this host, and processes of the job that outlived it."""
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._process.pid).children(recursive=True)
        for view in self._board.ranks.values():
            if view.left is None and self._plan.is_local:
                with contextlib.suppress(psutil.NoSuchProcess):
                    family.append(psutil.Process(view.pid))
        return family

    def _wait(self, seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def _pass_on_stop(self, now: float) -> None:
        reason = self._signals.reason or self._board.stop_wish
        if reason and self._asked_to_stop is None:
            self._asked_to_stop = now
            self._board.tell_all({"stop": reason})
        if self._asked_to_stop is None:
            return
        is_over = now - self._asked_to_stop > self._plan.limits.grace
        if self._signals.is_urgent or is_over:
            how = f"did not stop within {self._plan.limits.grace:g} s of" if is_over else "was ended by"
            problem = Problem("CLU12", "the job", f"{how} {reason}", CONTINUE)
            number = self._signals.last or signal.SIGTERM
            self.forced_end = JobFailure(error_with_code([problem], 128 + number))

    def _has_failed(self, now: float) -> bool:
        """Whether a process is in trouble, and the others had time to end by themselves."""
        if self.trouble is None:
            self.trouble = self._lost_horovod() or self._watchdog.look(self._board.ranks)
            is_told = any(view.report for view in self._board.ranks.values())
            if self._failed is None and (self.trouble or is_told):
                self._failed = now
        if self.trouble and self.trouble.problem.code != "CLU10":
            return True  # nothing moves any more
        return self._failed is not None and now - self._failed > AFTER_FAILURE_SECONDS

    def _lost_horovod(self) -> Optional[Trouble]:
        """A process that lives, but whose Horovod ran out of something: all would wait for it for ever."""
        for rank, what in list(self._output.without_horovod.items()):
            shortage = short_in_words(what)  # of its peer's end it is told as well
            if shortage:
                view = self._board.ranks.get(rank)
                where = view.name if view else f"rank {rank}"
                problem = Problem(
                    shortage.problems[0].code, where, f"Horovod ended: {what}", shortage.problems[0].hint
                )
                return Trouble(view, problem, shortage.exit_code)
        return None

    def _wait_for_last_words(self) -> None:
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline and any(v.left is None for v in self._board.ranks.values()):
            time.sleep(0.02)
        if self.trouble is None:
            gone = [v for v in self._board.ranks.values() if v.left and not v.is_done and not v.report]
            if gone:
                first = min(gone, key=lambda view: view.left or 0.0)
                self.trouble = Trouble(first, Problem("CLU10", first.name, "ended without a word"))


def _environment(plan: JobPlan, attempt: int, board: Switchboard, private: Path) -> dict[str, str]:
    environment = job_environment(os.environ, plan.pass_environment)
    environment.update(
        {
            ADDRESS: f"{plan.address}:{board.port}",
            ATTEMPT: str(attempt),
            RINGS: str(private) if plan.is_local else "",
            LIMITS: f"{plan.limits.startup:g},{plan.limits.idle:g}",
            COMMAND: "\n".join(["gluonlab", *sys.argv[1:]]),
            TERMINAL_WIDTH: "0",
            # A late process is not a lost one: the watch over the job decides, not a timer of the engine.
            "HOROVOD_GLOO_TIMEOUT_SECONDS": str(ceil(plan.limits.startup)),
        }
    )
    if plan.backend == "gloo":  # horovodrun puts the environment on a command line, where all can read it
        file = private / "key"
        file.touch(mode=0o600)
        with writing(file):
            file.write_text(board.key)
        environment[KEY_FILE] = str(file)
    else:
        environment[KEY] = board.key
    if plan.backend == "mpi" and plan.is_local:
        # By default /tmp/ompi.PID, which a killed mpirun leaves behind: when the number comes round again,
        # "PMIx server's listener thread failed to start".
        environment["PRTE_MCA_prte_local_tmpdir_base"] = str(private)
    if plan.bind_cores and plan.backend != "srun":
        environment[BIND] = "1"
    if sys.stdout.isatty():
        environment[TERMINAL] = os.ttyname(sys.stdout.fileno())
        environment[TERMINAL_WIDTH] = str(shutil.get_terminal_size().columns)
    return environment
