"""When a run is saved, and how: a snapshot in memory, which a thread writes while training goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Optional

from gluonlab.checkpoint.writer import BackgroundWriter, SaveResult
from gluonlab.errors import CheckpointError
from gluonlab.parallel.agreement import LAG
from gluonlab.supervision.progress import SAVING
from gluonlab.training.finite_state import check_finite_state
from gluonlab.training.run import AnyReporter, Run
from gluonlab.training.same_weights import check_same_weights
from gluonlab.training.state import checkpoint_tensors

# The first save that comes while the one before is under way waits so long for it; the others do not.
PATIENCE_SECONDS = 1.0


class Saver:
    """Rank 0 writes: the weights and statistics are the same on every process, which is checked first."""

    def __init__(self, run: Run, reporter: AnyReporter, clock: Callable[[], float] = time.monotonic) -> None:
        self._run, self._reporter, self._clock = run, reporter, clock
        self._writer = BackgroundWriter(run.store)
        self._interval_began = clock()
        self._is_late = False  # the save under way: the next one came, was told of it and left out
        self._stalls: dict[int, float] = {}
        self._failed = 0
        self._last_step = -1
        self._lag = LAG if run.world.size > 1 else 0

    def go_back_to(self, step: int) -> None:
        """The run goes on from the checkpoint of ``step``."""
        self._last_step = self._writer.newest = step

    def has_lost_directory(self) -> bool:
        """Whether this process is the one that writes, and the directory of the run is not there any more."""
        return self._run.world.rank == 0 and self._run.store.home.is_lost

    def check_directory(self) -> None:
        """Refuse to go on where the directory of the run is not there any more; all processes call this.

        Raises:
            CheckpointError: CKP12, on all of them.
        """
        run, newest, what = self._run, self._writer.newest, ""
        if self.has_lost_directory():
            last = "it held no checkpoint" if newest is None else f"its last checkpoint was of step {newest}"
            what = f"{run.store.home.problem()}, at step {run.state.step}; {last}, the steps since are lost"
        what = run.world.exchange(what)[0]  # a collective, and a wait for the slowest process
        if what:
            hint = "put it back, and the same command continues"
            raise CheckpointError("CKP12", str(run.store.home.path), what, hint)

    def wishes(self) -> bool:
        """Whether the interval, in seconds, is over: on rank 0, who writes, and once for each interval.

        Nothing is wished while a save is under way, so a disk that is slower than the interval costs no step.
        """
        every = self._run.checkpoint_every
        if every is None or every.unit != "seconds" or self._run.world.rank != 0:
            return False
        if self._clock() - self._interval_began < every.amount or self._is_busy():
            return False
        self._interval_began = self._clock()
        return True

    def is_due(self, step: int, is_wished: bool) -> bool:
        """Whether to save at ``step``, the same on all processes: its interval is over, or rank 0 wished so.

        ``is_wished`` is what was heard at ``step``. A wish is `LAG` steps old when all processes hear it, and
        a save that came meanwhile has fulfilled it.
        """
        return self._is_interval_over(step) or (is_wished and step - self._last_step > self._lag)

    def save(self, state: dict[str, Any], score: Optional[float], *, is_last: bool = False) -> None:
        """Take a snapshot and begin to write it, if this step has no checkpoint; all processes call this.

        The last one waits for the save that is under way, however long it takes.

        Raises:
            DivergenceError: the processes do not hold the same weights.
            NumericError: NUM04 the weights are not finite.
            CheckpointError: CKP01 after `Run.max_failed_saves` failures one after another.
        """
        run, step = self._run, self._run.state.step
        if is_last:
            run.world.run_on_all(self._wait)
        elif self._last_step == step:
            return
        start = time.monotonic()
        # Waits for the device, whose arrays are compared and copied; training goes on while they are written.
        check_same_weights(run.state, run.world)
        check_finite_state(run.state)
        self._last_step = step
        self._interval_began = self._clock()
        is_writer = run.world.rank == 0 and not self.has_lost_directory()
        if is_writer and step not in run.store.steps() and not self._is_busy(PATIENCE_SECONDS):
            self._writer.start(step, checkpoint_tensors(run.state), state, score)
            self._is_late = False
            self._stalls[step] = time.monotonic() - start

    def keep_bad(self, state: dict[str, Any]) -> None:
        """Keep the state of this step, whose numbers are bad, to be looked at; all processes call this.

        That it cannot be written is told only: the bad numbers matter more.
        """
        run = self._run
        if run.world.rank == 0 and not self.has_lost_directory():
            with run.world.progress.doing(SAVING):
                try:
                    path = run.store.keep_bad(run.state.step, checkpoint_tensors(run.state), state)
                    what = f"the state of step {run.state.step} is kept to be looked at: {path}"
                except CheckpointError as error:
                    what = str(error)
            self._reporter.message(what)
        run.world.exchange("")  # who fails first ends the job: the others wait for the disk

    def set_doubtful_aside(self, sound_step: int) -> bool:
        """Keep what was saved after ``sound_step`` from being resumed, if something older is left.

        Whether there is something older to go back to; all processes call this.
        """
        run = self._run
        self.finish()
        is_older_left = False
        if run.world.rank == 0 and not self.has_lost_directory():
            steps = run.store.steps()
            doubtful = [step for step in steps if step > sound_step]
            is_older_left = len(doubtful) < len(steps)
            if not is_older_left:
                self._reporter.message("no checkpoint is as old as the last sound loss")
            try:
                for step in doubtful if is_older_left else []:
                    run.store.set_bad_aside(step)
                    self._reporter.message(
                        f"step {step} was saved after the last sound loss: renamed bad-step"
                    )
            except OSError as error:
                is_older_left = False
                self._reporter.message(f"a checkpoint cannot be set aside: {error}")
        return bool(run.world.exchange("yes" if is_older_left else "")[0])

    def report(self, wait_seconds: float = 0.0) -> None:
        """Log a save that has ended since the last call.

        Raises:
            CheckpointError: as `save`.
        """
        result = self._writer.result(wait_seconds)
        if result is None:
            return
        if result.error is None:
            self._failed = 0
            stall = self._stalls.pop(result.step)
            self._reporter.log("checkpoint", result.step, seconds=stall, write_seconds=result.seconds)
            return
        self._tell_failure(result)

    def finish(self) -> None:
        """Wait until what was begun is on the disk; all processes call this and fail together.

        Raises:
            CheckpointError: CKP01 if the last save failed.
        """
        self._run.world.run_on_all(self._wait_for_success)

    def close(self) -> None:
        """Let a save that is under way come to its end."""
        self._writer.close()

    def _is_interval_over(self, step: int) -> bool:
        every, calendar = self._run.checkpoint_every, self._run.sampler.calendar
        if every is None or every.unit == "seconds":
            return False
        if every.unit == "steps":
            return step % int(every.amount) == 0
        return int(calendar.epoch_at(step) / every.amount) > int(calendar.epoch_at(step - 1) / every.amount)

    def _is_busy(self, patience_seconds: float = 0.0) -> bool:
        """Whether a save is under way, though we waited for it; each one is waited for and told of once."""
        self.report(0.0 if self._is_late else patience_seconds)
        if self._writer.is_busy and not self._is_late:
            step, self._is_late = self._run.state.step, True
            self._reporter.message(f"no checkpoint at step {step}: the one before is still being written")
        return self._writer.is_busy

    def _wait(self) -> None:
        with self._run.world.progress.doing(SAVING):
            while self._writer.is_busy:
                self.report(wait_seconds=1.0)

    def _wait_for_success(self) -> None:
        failed = self._failed
        self._wait()
        if self._failed > failed:
            raise self._last_error

    def _tell_failure(self, result: SaveResult) -> None:
        assert result.error is not None, "it failed"
        self._failed += 1
        self._last_error = result.error
        if self._failed >= self._run.max_failed_saves:
            raise result.error
        self._reporter.message(
            f"{result.error}; training goes on ({self._failed} of {self._run.max_failed_saves} failed saves)"
        )
