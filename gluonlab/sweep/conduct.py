"""The runs of a sweep from the first to the last: which begins next, and what each has given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from gluonlab.errors import GluonlabError, NumericError
from gluonlab.reporting import run_files
from gluonlab.supervision.stop import PreemptedError, StopRequest
from gluonlab.sweep.children import Child, start_child
from gluonlab.sweep.halving import next_run, stop_the_others
from gluonlab.sweep.record import DIVERGED, FAILED, FINISHED, OPEN, Sweep, Trial
from gluonlab.sweep.samplers import Values

LOOK_SECONDS = 0.1
LOGS = "logs"
Command = Callable[[Trial, Optional[float]], Sequence[str]]
Tell = Callable[[str], None]


@dataclass
class Conductor:
    """Carries out ``sweep``, ``jobs`` runs at a time; the same whenever it is stopped and begun again.

    ``command`` trains a run, to a rung or to its end. ``draw`` makes the values of the next run of those
    before, for a sampler that needs their results, until there are ``count``.
    """

    sweep: Sweep
    jobs: int
    command: Command
    tell: Tell
    rungs: Sequence[float] = ()
    draw: Optional[Callable[[Sequence[Trial]], Values]] = None
    count: int = 0
    children: list[Child] = field(default_factory=list)

    def to_the_end(self, stop: StopRequest) -> None:
        """Until all runs have ended.

        Raises:
            PreemptedError: somebody asked to ``stop``; the runs under way have saved.
        """
        for trial in self.sweep.trials:
            if trial.state == FAILED:
                trial.state, trial.message, trial.exit_code = OPEN, "", 0
        try:
            while self._begin_what_can(stop) or self.children:
                time.sleep(LOOK_SECONDS)
                for child in [one for one in self.children if one.process.poll() is not None]:
                    self.children.remove(child)
                    self._take(child, stop)
        finally:
            for child in self.children:
                child.stop()
        if stop.is_made:
            done = sum(trial.state != OPEN for trial in self.sweep.trials)
            what = f"stopped by {stop.reason} with {done} of {self.total} runs done"
            raise PreemptedError("CLU20", str(self.sweep.folder), what, "the same command continues")

    @property
    def total(self) -> int:
        """How many runs there are to be."""
        return max(self.count, len(self.sweep.trials))

    def _begin_what_can(self, stop: StopRequest) -> bool:
        """Fill the free slots; whether a run was begun."""
        has_begun = False
        if stop.is_made:
            for child in self.children:
                child.stop()
            return False
        while len(self.children) < self.jobs:
            found = self._next()
            if found is None:
                break
            trial, rung = found
            trial.state = OPEN
            slot = min(set(range(self.jobs)) - {child.slot for child in self.children})
            logs = self.sweep.folder / LOGS
            command = self.command(trial, rung)
            self.children.append(start_child(command, trial, rung, slot, self.jobs, logs))
            has_begun = True
        return has_begun

    def _next(self) -> Optional[tuple[Trial, Optional[float]]]:
        busy, trials = [child.trial.number for child in self.children], self.sweep.trials
        found = next_run(trials, self.rungs, busy)
        if found is None and self.draw and len(trials) < self.count:
            trials.append(Trial(len(trials), self.draw(trials)))
            self.sweep.save()
            return trials[-1], None
        return found

    def _take(self, child: Child, stop: StopRequest) -> None:
        """Take what ``child`` has given into the record."""
        trial, code, said = child.trial, child.process.returncode, child.last_words()
        run_dir = self.sweep.folder / trial.name
        trial.exit_code = code if code >= 0 else 128 - code
        take_results(trial, run_dir)
        if code == 0:
            trial.state = FINISHED
        elif code == PreemptedError.exit_code and child.rung is not None and trial.epoch >= child.rung - 1e-9:
            assert trial.top1 is not None, "a rung is at a validation"
            trial.scores.append(trial.top1)
        elif code == PreemptedError.exit_code:
            if not stop.is_made:
                stop.make(f"whoever stopped run {trial.name}")
            return
        elif stop.is_made and code < 0:
            return
        else:
            trial.state = DIVERGED if code == 5 else FAILED
            trial.message = said or f"ended with {code}"
        stop_the_others(self.sweep.trials, self.rungs)
        self.sweep.save()
        self.tell(_line(trial, self.total))


def take_results(trial: Trial, run_dir: Path) -> None:
    """Take the last validation of the run in ``run_dir`` into ``trial``, if there was one."""
    metrics = run_dir / run_files.METRICS
    if not metrics.exists():
        return
    rows = run_files.latest_by_step(run_files.read_metrics(metrics), "validation")
    if rows:
        last = rows[-1]
        trial.epoch, trial.top1, trial.top5 = last["epoch"], last["top1"], last["top5"]
        trial.val_loss = last["loss"]


def _line(trial: Trial, total: int) -> str:
    values = " ".join(f"{key}={value}" for key, value in trial.values.items())
    what = trial.state if trial.state != OPEN else f"at epoch {trial.epoch:g}"
    score = "" if trial.top1 is None else f", top-1 {trial.top1:.2%}"
    message = f": {trial.message}" if trial.message else ""
    return f"run {trial.name} of {total}  {values}  {what}{score}{message}"


def check_outcome(sweep: Sweep) -> None:
    """Refuse to take for done what has failed runs, or none that came to its end.

    Raises:
        GluonlabError: SWP03 runs failed for another reason than their numbers, with the first's exit code.
        NumericError: SWP04 all runs diverged.
    """
    failed = [trial for trial in sweep.trials if trial.state == FAILED]
    if failed:
        first = failed[0]
        what = f"{len(failed)} of {len(sweep.trials)} runs failed, the first with: {first.message}"
        error = GluonlabError(
            "SWP03", str(sweep.folder / first.name), what, "the same command tries it again"
        )
        error.exit_code = first.exit_code
        raise error
    if sweep.best is None:
        raise NumericError("SWP04", str(sweep.folder), "all runs diverged", "use other ranges")
