"""One start of a job: processes, their output, the watch over them, and their end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Optional, TextIO

import psutil

from gluonlab.errors import DivergenceError, Problem
from gluonlab.launch.engines import engine_of
from gluonlab.launch.environment import environment_of
from gluonlab.launch.hand_over import HandOver, hand_over, survivors
from gluonlab.launch.metrics.job_metrics import JobMetrics
from gluonlab.launch.output import Output
from gluonlab.launch.plan import Backend, JobPlan
from gluonlab.launch.rank_table import RankTable
from gluonlab.launch.recording import Recording, event_of
from gluonlab.launch.restart_split import RestartSplit
from gluonlab.launch.signals import Signals
from gluonlab.launch.verdict import CONTINUE, LOST, JobFailure, count_oom_kills, error_with_code, judge
from gluonlab.runtime import rank_start
from gluonlab.runtime.limits import check_limits, check_threads_of_job, short_in_words
from gluonlab.runtime.parent import end_with_parent
from gluonlab.runtime.variables import check_variables
from gluonlab.supervision.stop import PreemptedError
from gluonlab.supervision.stragglers import Stragglers
from gluonlab.supervision.switchboard import Switchboard
from gluonlab.supervision.watchdog import GONE_SECONDS, Trouble, Watchdog, with_record

LOOK_SECONDS = 0.1
SPLIT_SECONDS = 0.01
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
    plan: JobPlan,
    attempt: int = 1,
    stream: Optional[TextIO] = None,
    metrics: Optional[JobMetrics] = None,
    split: Optional[RestartSplit] = None,
) -> Optional[JobFailure]:
    """Start ``plan``, watch it to its end; None if all processes ended well.

    ``split`` is told where the time goes until its first update.

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
        environment = environment_of(plan, attempt, board, Path(private.name))
        engine = engine_of(plan, environment)
        kills_before = count_oom_kills()
        process = _start([*engine.command, *_outliving(plan)], environment)
        output = Output(engine.prefix, stream or sys.stdout, plan.logs)
        table = RankTable(output.folder, attempt)
        recording = Recording(board, output.folder, Path(private.name), attempt)
        watch = _Watch(plan, process, board, signals, output, table, recording, split)
        try:
            output.follow(process)
            watch.until_the_end()
            handed_over = watch.hand_over(attempt)
        finally:
            watch.end()
        words = output.finish()
        oom_kills = count_oom_kills() - kills_before
        failure = watch.forced_end or judge(
            process.returncode, words, board.ranks, watch.trouble, oom_kills, output.last_words()
        )
        if failure and failure.error.exit_code != PreemptedError.exit_code:
            table.note_death(failure.step, str(failure.error))
        return replace(failure, hand_over=handed_over) if failure else None


def _start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=end_with_parent,
    )


def _outliving(plan: JobPlan) -> Sequence[str]:
    """What the engine starts: where states are handed over, each process beneath one that may be ended."""
    if not plan.heirs:
        return plan.command
    return [sys.executable, "-I", "-S", rank_start.__file__, *plan.command]


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
        split: Optional[RestartSplit],
    ) -> None:
        self.trouble: Optional[Trouble] = None
        self.forced_end: Optional[JobFailure] = None
        self._plan, self._process, self._board, self._signals = plan, process, board, signals
        self._output, self._table, self._clock = output, table, board.clock
        self._recording, self._split = recording, split
        gone_seconds = GONE_SECONDS if not plan.heirs else 0.0
        self._watchdog = Watchdog(plan.processes, plan.limits, board.clock, gone_seconds)
        self._asked_to_stop: Optional[float] = None
        self._failed: Optional[float] = None
        self._told_late = board.clock()
        self._stragglers = Stragglers(plan.straggler_factor, board.clock())

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
            self._tell_stragglers(now)
            self._table.update(list(self._board.ranks.values()), now)
            self._recording.follow(self._signals.record_wishes + self._board.record_wishes)
            line = self._split.look(self._board.ranks.values()) if self._split else None
            sys.stderr.write(f"{line}\n" if line else "")
            self._pass_on_stop(now)
            if self.forced_end or self._has_failed(now):
                return
            self._board.news.wait(SPLIT_SECONDS if self._split and not self._split.is_told else LOOK_SECONDS)
            self._board.news.clear()
        self._wait_for_last_words()

    def _tell_stragglers(self, now: float) -> None:
        views = dict(self._board.ranks)
        if len(views) == self._plan.processes:
            for found in self._stragglers.look({rank: view.spent for rank, view in views.items()}, now):
                sys.stderr.write(f"{views[found.rank].name} {found}\n")

    def hand_over(self, attempt: int) -> Optional[HandOver]:
        """Have a process that survives leave its state to the next start, if one has been lost."""
        if not self._plan.heirs or not self._is_lost():
            return None
        alive = survivors(self._board, self.trouble)
        lost_at = min((view.left for view in self._board.ranks.values() if view.left), default=self._clock())
        detected = self._clock() - lost_at
        try:
            done = hand_over(self._board, alive, self._plan.heirs, attempt)
        except DivergenceError as error:
            self.forced_end = JobFailure(error)
            return None
        return replace(done, detect_seconds=detected)

    def _is_lost(self) -> bool:
        """Whether a process is lost, and the others hold what is worth going on with."""
        if self.forced_end or self._asked_to_stop is not None:
            return False
        reports = [view.report for view in self._board.ranks.values() if view.report]
        codes = [report.exit_code for report in reports if not report.is_victim]
        codes += [self.trouble.exit_code] if self.trouble else []
        return bool(codes) and all(code in LOST for code in codes)

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
        if self._plan.heirs and self._is_lost():
            return True  # and the others do not end by themselves
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
            if self._plan.heirs and any(v.left is not None for v in self._board.ranks.values()):
                break
            time.sleep(0.02)
        if self.trouble is None:
            gone = [v for v in self._board.ranks.values() if v.left and not v.is_done and not v.report]
            if gone:
                first = min(gone, key=lambda view: view.left or 0.0)
                self.trouble = Trouble(first, Problem("CLU10", first.name, "ended without a word"))
