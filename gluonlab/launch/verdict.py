"""How a job ended: the first faulty process, what is wrong with it, and the exit code."""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from platform import node
from typing import Optional

from gluonlab.errors import ClusterError, GluonlabError, Problem, ResourceError
from gluonlab.launch.hand_over import HandOver
from gluonlab.runtime.limits import limits_in_force, short_in_words
from gluonlab.supervision.failure import FailureReport
from gluonlab.supervision.switchboard import RankView
from gluonlab.supervision.watchdog import Trouble

CONTINUE = "the same command continues from the last checkpoint"
# What may be gone at the next start: a lost peer, weights that differ, memory, a crash.
RESTARTABLE = (6, 7, 9, 70)
# Of one process, without doubt about what the others hold.
LOST = (7, 9, 70)

_SIGNALLED = re.compile(
    r"process (?:rank (\d+)|(\w+)) with PID \d+ on node (\S+) exited on\s+signal (\d+)", re.DOTALL
)
# In the words of mpirun, and of horovodrun.
_EXITED = re.compile(
    r"(?:Process name:\s+\[[^\]]*[@,\s]|\bProcess )(\d+)(?:\]\s+Exit code:\s+| exit with status code )(\d+)"
)
# Of mpirun that may not open more files, or start more threads or processes.
_NO_MORE = (
    "Too many open files",
    "Out of resource",
    "ERR_SYS_LIMITS",
    "Resource temporarily unavailable",
    "Unable to start listen thread",
)
NOTHING_SAID: Mapping[int, str] = {}
# Signals of a limit, the code of the error and the limit.
_LIMITS = {"SIGXCPU": ("RES04", "ulimit -t"), "SIGXFSZ": ("RES01", "ulimit -f")}
_OOM_EVENTS = Path("/sys/fs/cgroup/memory.events")


@dataclass(frozen=True)
class JobFailure:
    """``error`` is what to show; ``step`` and ``rank`` are None if the failure belongs to none.

    ``hand_over`` is what came of the state of those that did nothing wrong, if they were asked for it.
    """

    error: GluonlabError
    rank: Optional[int] = None
    step: Optional[int] = None
    hand_over: Optional[HandOver] = None

    @property
    def kind(self) -> tuple[object, ...]:
        """Equal for two failures of the same sort at the same step."""
        return self.step, self.error.problems[0].code, self.error.exit_code

    @property
    def is_restartable(self) -> bool:
        """Whether another start may go better."""
        return self.error.exit_code in RESTARTABLE


def judge(
    code: int,
    engine_words: str,
    ranks: Mapping[int, RankView],
    trouble: Optional[Trouble],
    oom_kills: int = 0,
    last_words: Mapping[int, str] = NOTHING_SAID,
) -> Optional[JobFailure]:
    """Why a job failed; None if it did not.

    ``code`` is the engine's, ``oom_kills`` came while it ran, ``last_words`` are those of each process.
    """
    views = sorted(ranks.values(), key=lambda view: view.report.time if view.report else float("inf"))
    told = [view for view in views if view.report]
    for view in told:
        if view.report and not view.report.is_victim:
            return _as_told(view, view.report)
    signalled = _SIGNALLED.search(engine_words)
    exit_codes = {int(rank): int(number) for rank, number in _EXITED.findall(engine_words)}
    if trouble and trouble.problem.code != "CLU10":
        stuck = trouble.view
        where = (stuck.rank, stuck.step) if stuck else (None, None)
        return JobFailure(error_with_code([trouble.problem], trouble.exit_code), *where)
    gone = trouble.view if trouble else None
    if signalled and signalled[2]:  # not one of the ranks, but one that serves them
        what = f"died of {signal.Signals(int(signalled[4])).name}"
        return JobFailure(ClusterError("CLU10", f"{signalled[2]} ({signalled[3]})", what, CONTINUE))
    if signalled and (gone is None or gone.rank == int(signalled[1])):
        words = last_words.get(int(signalled[1]), "")
        return _died(int(signalled[1]), signalled[3], int(signalled[4]), ranks, oom_kills, words)
    first = gone.rank if gone else next(iter(exit_codes), None)
    if first is not None:
        return _ended(first, exit_codes.get(first, 0), ranks, oom_kills, last_words.get(first, ""))
    if code == 0:
        return None
    if told and told[0].report:  # all of them lost their peer, and the peer said nothing
        return _as_told(told[0], told[0].report)
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        name = signal.Signals(number).name
        return JobFailure(_death("the job", f"was ended by {name}", name, engine_words))
    # A traceback says at its end what is wrong, mpirun at the beginning.
    words = engine_words[-300:] if "Traceback (" in engine_words else engine_words[:300]
    what = f"ended with code {code}: {words or 'no message'}"
    if any(sign in engine_words for sign in _NO_MORE):
        return JobFailure(ResourceError("RES02", "the job", what, "raise the limits: ulimit -n, ulimit -u"))
    return JobFailure(ClusterError("CLU11", "the job", what))


def count_oom_kills(events: Path = _OOM_EVENTS) -> int:
    """How many processes of this control group were killed for lack of memory so far."""
    try:
        words = events.read_text().split()
    except OSError:
        return 0
    return int(words[words.index("oom_kill") + 1]) if "oom_kill" in words else 0


def error_with_code(problems: Sequence[Problem], exit_code: int) -> GluonlabError:
    """An error that ends the process with ``exit_code``."""
    error = GluonlabError.from_problems(problems)
    error.exit_code = exit_code
    return error


def _as_told(view: RankView, report: FailureReport) -> JobFailure:
    return JobFailure(error_with_code(report.problems, report.exit_code), view.rank, view.step)


def _died(
    rank: int, host: str, number: int, ranks: Mapping[int, RankView], oom_kills: int, words: str
) -> JobFailure:
    view = ranks.get(rank)
    name, doing = signal.Signals(number).name, _doing(view)
    where = view.name if view else f"rank {rank} ({host})"
    if name == "SIGKILL" and oom_kills:
        hint = f"use a smaller worker_batch_size, or fewer processes per host; {CONTINUE}"
        return JobFailure(
            ResourceError("RES03", where, f"was killed for lack of memory{doing}", hint), rank, _step(view)
        )
    return JobFailure(_death(where, f"died of {name}{doing}", name, words), rank, _step(view))


def _death(where: str, what: str, name: str, words: str) -> GluonlabError:
    """The error for an end by the signal ``name``, after these last ``words``."""
    if name in _LIMITS:
        code, limit = _LIMITS[name]
        return ResourceError(code, where, what, f"raise the limit: {limit}; {CONTINUE}")
    shortage = short_in_words(words)
    if shortage:
        problem = shortage.problems[0]
        return ResourceError(problem.code, where, f"{what}: {problem.what}", problem.hint)
    perhaps = "a full /dev/shm" if name == "SIGBUS" else limits_in_force()
    return ClusterError("CLU10", where, what, f"perhaps for {perhaps}; {CONTINUE}" if perhaps else CONTINUE)


def _ended(
    rank: int, exit_code: int, ranks: Mapping[int, RankView], oom_kills: int, words: str
) -> JobFailure:
    if exit_code - 128 in set(signal.Signals):  # as a shell tells it
        return _died(rank, node(), exit_code - 128, ranks, oom_kills, words)
    view = ranks.get(rank)
    how = f" with code {exit_code}" if exit_code else ""
    what = f"ended{how} before its work was done{_doing(view)}"
    where = view.name if view else f"rank {rank}"
    return JobFailure(_death(where, what, "", words), rank, _step(view))


def _doing(view: Optional[RankView]) -> str:
    return f" at step {view.step} ({view.phase})" if view and view.phase else ""


def _step(view: Optional[RankView]) -> Optional[int]:
    return view.step if view and view.phase else None
