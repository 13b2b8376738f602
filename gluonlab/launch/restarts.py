"""A job starts again from its last checkpoint, on what hosts are left, but not into the same wall twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional, TextIO
from uuid import uuid4

from gluonlab.checkpoint.inheritance import keep, older, remove
from gluonlab.errors import CheckpointError, ClusterError, GluonlabError, Problem
from gluonlab.launch.hosts import Host, is_this_host
from gluonlab.launch.job import run_job
from gluonlab.launch.metrics.job_metrics import JobMetrics
from gluonlab.launch.plan import JobPlan
from gluonlab.launch.restart_split import RestartSplit
from gluonlab.launch.signals import ignore_recorder_signal
from gluonlab.launch.verdict import LOST, JobFailure, error_with_code
from gluonlab.reporting.held_directory import HeldDirectory

MAX_DELAY_SECONDS = 300.0
PROBE_SECONDS = 15


@dataclass(frozen=True)
class RestartPolicy:
    """How often, how soon, and with how few processes a job may start again.

    ``fits`` says whether a number of processes shares the virtual workers; ``samples`` names the samples
    of (step, rank, processes).
    """

    max_restarts: int = 0
    min_processes: Optional[int] = None
    delay_seconds: float = 5.0
    fits: Callable[[int], bool] = lambda processes: True
    samples: Callable[[int, int, int], str] = lambda step, rank, processes: ""


def run_until_done(
    plan: JobPlan,
    policy: RestartPolicy,
    stream: Optional[TextIO] = None,
    metrics: Optional[JobMetrics] = None,
) -> None:
    """Run ``plan`` until all its processes have ended well; ``metrics`` is told of each start.

    Raises:
        GluonlabError: of the last failure, when restarts are used up or of no use.
        CheckpointError: CKP12 the directory of the run is not there any more.
        ClusterError: CLU22 a step failed twice the same way, CLU23 too few hosts, CLU24 a host is not there.
    """
    ignore_recorder_signal()
    if plan.logs is None or not policy.max_restarts or plan.processes == 1:  # there is nobody to leave it to
        _run_until_done(plan, policy, stream, metrics)
        return
    try:
        _run_until_done(replace(plan, heirs=uuid4().hex[:12]), policy, stream, metrics)
    finally:
        for folder in older(plan.logs.parent, but=None):
            remove(folder)


def _run_until_done(
    plan: JobPlan, policy: RestartPolicy, stream: Optional[TextIO], metrics: Optional[JobMetrics]
) -> None:
    attempt, before, split, fruitless = 1, None, None, 0
    directory = HeldDirectory(plan.logs.parent if plan.logs else Path())
    directory.hold()
    current = _on_hosts_that_answer(plan, policy, is_first=True)
    while True:
        failure = run_job(current, attempt, stream, metrics, split)
        if failure is None:
            return
        try:
            _raise_if_hopeless(failure, before, current, policy, attempt)
        except GluonlabError:
            _keep_what_is_left(plan, failure)
            raise
        fruitless = 0 if _got_on(plan, failure) else fruitless + 1
        delay = min(policy.delay_seconds * 2.0 ** (fruitless - 1), MAX_DELAY_SECONDS) if fruitless else 0.0
        _say(f"{failure.error}; restart {attempt} of {policy.max_restarts} in {delay:g} s")
        plan = _with_what_is_left(plan, failure)
        directory.hold()
        time.sleep(delay)
        if directory.is_lost:
            what = f"{directory.problem()} since the job failed"
            raise CheckpointError(
                "CKP12", str(directory.path), what, "put it back, and the same command continues"
            )
        attempt, before = attempt + 1, failure
        split = RestartSplit(attempt, failure.hand_over) if failure.hand_over else None
        current = _on_hosts_that_answer(plan, policy, is_first=False)


def _with_what_is_left(plan: JobPlan, failure: JobFailure) -> JobPlan:
    """``plan`` with what the processes that survived have left, or what was left before."""
    done = failure.hand_over
    if done is None:
        return plan
    if done.inheritance is None:
        _say(f"no state is handed over: {done.reason}; going on from what was saved last")
        return plan
    left = done.inheritance
    _say(f"nothing is lost: rank {left.rank} hands over step {left.step}")
    return replace(plan, inheritance=left)


def _keep_what_is_left(plan: JobPlan, failure: JobFailure) -> None:
    """There is no further start: what was left to it is a checkpoint from now on."""
    left = (failure.hand_over.inheritance if failure.hand_over else None) or plan.inheritance
    if left is None or plan.logs is None or failure.error.exit_code not in LOST:
        return
    try:
        keep(left, plan.logs.parent)
    except CheckpointError as error:
        _say(f"what rank {left.rank} hands over is lost: {error}")
    else:
        _say(f"nothing is lost: rank {left.rank} hands over step {left.step}, which is a checkpoint now")


def _got_on(plan: JobPlan, failure: JobFailure) -> bool:
    """Whether the start has only lost a process, further on than the one before: the next begins at once."""
    left = failure.hand_over.inheritance if failure.hand_over else None
    return left is not None and (plan.inheritance is None or left.step > plan.inheritance.step)


def _raise_if_hopeless(
    failure: JobFailure, before: Optional[JobFailure], plan: JobPlan, policy: RestartPolicy, attempt: int
) -> None:
    is_same = before is not None and failure.step is not None and failure.kind == before.kind
    if failure.is_restartable and is_same:
        samples = policy.samples(failure.step or 0, failure.rank or 0, plan.processes)
        first = failure.error.problems[0]
        what = f"{first.what}; step {failure.step} failed twice the same way{samples}"
        problem = Problem("CLU22", first.where, what, "look at these samples, or at the log of this rank")
        raise error_with_code([problem], failure.error.exit_code)
    if not failure.is_restartable or attempt > policy.max_restarts:
        raise failure.error


def _on_hosts_that_answer(plan: JobPlan, policy: RestartPolicy, is_first: bool) -> JobPlan:
    """``plan`` on the hosts that can be reached, with fewer processes if that is allowed."""
    if not plan.hosts or plan.backend == "srun":
        return plan
    hosts, silent = reachable_hosts(plan.hosts)
    if not silent:
        return _on(hosts, plan)
    names = ", ".join(host.name for host in silent)
    if is_first:
        raise ClusterError(
            "CLU24", f"host {names}", "does not answer to ssh", "see ssh -o BatchMode=yes HOST true"
        )
    slots = sum(host.slots for host in hosts)
    least = policy.min_processes or plan.processes
    fitting = [p for p in range(min(slots, plan.processes), least - 1, -1) if policy.fits(p)]
    if not fitting:
        raise ClusterError(
            "CLU23",
            f"host {names}",
            f"is gone, and the {slots} processes that fit elsewhere are too few (least: {least})",
            "give --min-processes, or the same command when the host is back",
        )
    _say(f"host {names} is gone; going on with {fitting[0]} of {plan.processes} processes")
    return _on(hosts, replace(plan, processes=fitting[0]))


def _on(hosts: list[Host], plan: JobPlan) -> JobPlan:
    """``plan`` on ``hosts``; if this is the only one, without a network, which may be what failed."""
    if all(is_this_host(host.name) for host in hosts):
        return replace(plan, hosts=(), interface=None)
    return replace(plan, hosts=tuple(hosts))


def reachable_hosts(hosts: Sequence[Host]) -> tuple[list[Host], list[Host]]:
    """Those that answer to ssh, as this one need not, and those that do not."""

    def answers(host: Host) -> bool:
        if is_this_host(host.name):
            return True
        command = [
            "ssh",
            "-o",
            "BatchMode=yes",
            "-o",
            f"ConnectTimeout={PROBE_SECONDS // 2}",
            host.name,
            "true",
        ]
        try:
            return subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS).returncode == 0
        except (OSError, subprocess.TimeoutExpired):
            return False

    with ThreadPoolExecutor(32) as pool:
        reached = list(pool.map(answers, hosts))
    return (
        [host for host, is_there in zip(hosts, reached) if is_there],
        [host for host, is_there in zip(hosts, reached) if not is_there],
    )


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
