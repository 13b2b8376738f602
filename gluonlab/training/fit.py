"""A whole run: resume, train epoch by epoch, validate, checkpoint, sum up."""

from __future__ import annotations

import math
import time
from contextlib import closing
from dataclasses import asdict
from typing import Any, Optional

from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.errors import CheckpointError, NumericError
from gluonlab.metrics import Metrics
from gluonlab.reporting.notebook import Results
from gluonlab.reporting.traces import traces_of
from gluonlab.supervision.progress import TRAINING
from gluonlab.supervision.stop import PreemptedError
from gluonlab.task import score_of
from gluonlab.training.divergence import LossHistory, look_for_divergence, may_roll_back
from gluonlab.training.finite_state import check_finite_state
from gluonlab.training.hand_over import drop_what_others_left, watch_updates
from gluonlab.training.loop import check_finite
from gluonlab.training.resume import check_same_on_all, resume
from gluonlab.training.run import AnyReporter, Run
from gluonlab.training.saving import Saver
from gluonlab.training.state import checkpoint_state, weights_sha256
from gluonlab.training.updates import Updates

UNTIL_EPOCH = "--until-epoch"
"""Why a run stops at `Run.pause_step`."""


def fit(run: Run) -> Results:
    """Train ``run`` to its end, from its latest checkpoint if it has one; returns the summary.

    Raises:
        PreemptedError: `Run.stop` was made on any process; the state is saved. On all processes.
    """
    check_same_on_all(run)
    return Results(carry_on(run, resume(run)), run.store.directory.parent)


def carry_on(run: Run, checkpoint: Optional[Checkpoint]) -> dict[str, Any]:
    """Train ``run`` to its end from ``checkpoint``, to which `resume` has brought it; returns the summary.

    Raises:
        PreemptedError: as `fit`.
        CheckpointError: CKP12 the run directory is not there any more, on all processes.
    """
    is_writer = run.world.rank == 0
    earlier = traces_of(run.store.directory.parent).trained if is_writer and checkpoint is None else None
    if is_writer:
        run.store.home.make()
        run.store.set_damaged_aside()
    run.store.home.hold()
    reporter = run.make_reporter(run.state.step)
    with reporter, closing(Saver(run, reporter)) as saver:
        drop_what_others_left(run, reporter.message)
        if earlier is not None:
            reporter.log("resume", 0)
            reporter.message(f"begins again at step 0: step {earlier} was logged, but never a checkpoint")
        return _Fitting(run, reporter, saver, checkpoint).to_the_end()


class _Fitting:
    """The part of a run that changes while it goes on, beside its `TrainState`."""

    def __init__(
        self, run: Run, reporter: AnyReporter, saver: Saver, checkpoint: Optional[Checkpoint]
    ) -> None:
        self.run, self.reporter, self.saver = run, reporter, saver
        self.updates = Updates(run, saver, self._report_training)
        self.last_update = watch_updates(run, self._checkpoint_state)
        self.started = time.monotonic()
        self.earlier_seconds = 0.0
        self.resumes = 0
        self.is_second_chance = False
        self.last_results: dict[str, dict[str, float]] = {}
        self.best: Optional[dict[str, float]] = None
        self.trained_images = self.training_seconds = 0.0
        self.losses = LossHistory(run.equal_logits_loss, [phase.end_step for phase in run.phases])
        if checkpoint:
            self.earlier_seconds = checkpoint.state["wall_seconds"]
            self.resumes = checkpoint.state["resumes"] + 1
            self._go_back_to(checkpoint)
            reporter.log("resume", run.state.step)
            reporter.message(f"resumed from {checkpoint.path} at step {run.state.step}")
            self._tell_other_engine(checkpoint)

    def _tell_other_engine(self, checkpoint: Checkpoint) -> None:
        before, now = checkpoint.state.get("engine", "mxnet"), self.run.engine
        if before != now:
            draws = "; dropout draws other numbers" if self.run.workers.draws_random_numbers else ""
            self.reporter.message(f"computed by {before} until here, by {now} from here on{draws}")

    def _go_back_to(self, checkpoint: Checkpoint) -> None:
        self.last_results = checkpoint.state["last_results"]
        self.best = checkpoint.state.get("best")
        is_same_recipe = checkpoint.state["identity"].get("recipe") == self.run.identity.get("recipe")
        self.losses.restore(checkpoint.state.get("losses"), is_same_recipe=is_same_recipe)
        self.trained_images = checkpoint.state["trained_images"]
        self.training_seconds = checkpoint.state["training_seconds"]
        if checkpoint.path == self.run.store.path_of(checkpoint.step):  # and not left by another start
            self.saver.go_back_to(checkpoint.step)

    def to_the_end(self) -> dict[str, Any]:
        """Train what is left; a run that diverges goes back to its last checkpoint once."""
        self.run.enter_phase()
        self._average_weights()  # the run was stopped just before it
        self.last_update.hold(self.run.workers)
        if self.run.state.step and self._is_interval_over(self.run.eval_every):
            self._validate()  # the run was stopped in the middle of it
        self._pause()
        while True:
            try:
                return self._train_what_is_left()
            except NumericError as error:
                self.saver.keep_bad(self._checkpoint_state())
                may_go_back = may_roll_back(error, self.run, self.losses, self.saver)
                if self.is_second_chance or not may_go_back:
                    raise
                self.is_second_chance = True
                self.updates.looks_at_each = True  # to keep the first bad state, and to waste no further step
                self._roll_back(error)

    def _train_what_is_left(self) -> dict[str, Any]:
        while self.run.state.step < self.run.total_steps:
            self._train_phase()
        self._validate()
        self.saver.check_directory()
        self._save(is_last=True)
        self.saver.finish()
        return self._summary()

    def _train_phase(self) -> None:
        run, phase_end = self.run, self.run.enter_phase()
        metrics = Metrics(run.world, run.ctx, run.task)
        batches = self.updates.batches(phase_end)
        with closing(batches), run.world.progress.doing(TRAINING):
            while run.state.step < phase_end:
                epoch_end, validation_step = self._next_step_of(1.0), self._next_step_of(run.eval_every)
                self.last_update.hold(run.workers)
                end_step = min(epoch_end, validation_step, phase_end)
                if run.pause_step is not None:
                    end_step = min(end_step, run.pause_step)
                if run.averaging:
                    end_step = min(end_step, run.averaging.next_step(run.state.step))
                for due in self.updates.until(end_step, batches, metrics):
                    if run.state.step == 1:
                        self.losses.begin(metrics.compute()["loss"])
                    if due.stop:
                        self._stop()
                    # At the end a validation may come first; its result belongs into the checkpoint.
                    if due.save and run.state.step < end_step:
                        self._save()
                self._average_weights()
                if end_step in (validation_step, run.total_steps):
                    self._validate()
                self._pause()
                if run.checkpoint_every and (due.save or end_step == epoch_end):
                    self._save()

    def _average_weights(self) -> None:
        if self.run.averaging:
            self.last_update.release()
            self.run.average_weights()
            self.last_update.hold(self.run.workers)

    def _pause(self) -> None:
        """Stop at the step where the run is to, unless it ends there; all processes do alike."""
        run = self.run
        if run.pause_step is not None and run.pause_step <= run.state.step < run.total_steps:
            run.stop.make(UNTIL_EPOCH)
            self._stop()

    def _stop(self) -> None:
        self.saver.check_directory()
        self._save(is_last=True)
        self.saver.finish()
        run, step = self.run, self.run.state.step
        reason = next(filter(None, run.world.exchange(run.stop.reason)), "its launcher")
        newest = max(run.store.steps(), default=None) if run.world.rank == 0 else None
        saved = run.world.exchange(str(newest))[0]
        what = "the state is saved" if saved == str(step) else f"the last checkpoint is that of step {saved}"
        self.reporter.message(f"stopped at step {step} by {reason}, {what}")
        hint = (
            "the same command without it goes on" if reason == UNTIL_EPOCH else "the same command continues"
        )
        raise PreemptedError("CLU20", f"step {step}", f"stopped by {reason}, {what}", hint)

    def _next_step_of(self, interval_epochs: float, after: int = 0) -> int:
        """The first step after the current one (or ``after`` it) at which another interval is over."""
        calendar, step = self.run.sampler.calendar, self.run.state.step + after
        number = int(calendar.epoch_at(step) / interval_epochs)
        while calendar.first_step_of(number * interval_epochs) <= step:
            number += 1
        return calendar.first_step_of(number * interval_epochs)

    def _is_interval_over(self, interval_epochs: float) -> bool:
        return self._next_step_of(interval_epochs, after=-1) == self.run.state.step

    def _validate(self) -> None:
        """Validate the weights of this step, unless that was done."""
        run, step = self.run, self.run.state.step
        if self.last_results.get("validation", {}).get("step") == step:
            return
        start = time.monotonic()
        with run.state.weights_to_evaluate():
            results = run.validation.run(run.state.network.predict, run.world, run.ctx, run.stop)
        if results is None:
            self._stop()
            return
        results[run.task.unit] = results.pop("count")
        results["seconds"] = time.monotonic() - start
        if not math.isfinite(results["loss"]):
            check_finite_state(run.state)  # names the cause, if it is there
        check_finite("validation loss", results["loss"], step)
        if self.best is None or score_of(run.task, results) >= score_of(run.task, self.best):
            self.best = {run.task.score: results[run.task.score], "step": step}
        self._report("validation", step, results)

    def _report_training(self, step: int, results: dict[str, float]) -> None:
        self.trained_images += results["count"]
        self.training_seconds += results["count"] / results["images_per_sec"]
        self._report("train", step, {**results, **self.run.loader.statistics()})

    def _report(self, kind: str, step: int, results: dict[str, float]) -> None:
        results = {"epoch": self.run.sampler.calendar.epoch_at(step), **results}
        self.last_results[kind] = {"step": step, **results}
        self.reporter.log(kind, step, **results)
        look_for_divergence(kind, step, results, self.run, self.losses, self.reporter)
        self.last_update.note()

    def _save(self, is_last: bool = False) -> None:
        validation = self.last_results.get("validation", {})
        is_of_this_step = validation.get("step") == self.run.state.step
        score = score_of(self.run.task, validation) if is_of_this_step else None
        self.saver.save(self._checkpoint_state(), score, is_last=is_last)

    def _checkpoint_state(self) -> dict[str, Any]:
        run = self.run
        return {
            **checkpoint_state(run.state),
            "epoch": run.sampler.calendar.epoch_at(run.state.step),
            "identity": run.identity,
            "engine": run.engine,
            "processes": run.world.size,
            "virtual_workers": run.workers.count,
            "wall_seconds": self._wall_seconds(),
            "resumes": self.resumes,
            "last_results": dict(self.last_results),
            "best": self.best,
            "losses": self.losses.state(),
            "trained_images": self.trained_images,
            "training_seconds": self.training_seconds,
        }

    def _roll_back(self, error: NumericError) -> None:
        self.last_update.release()
        self.saver.finish()
        try:
            checkpoint = resume(self.run)
        except CheckpointError:
            self.reporter.message(f"{error}; and no checkpoint to go back to")
            raise
        self.updates.forget()
        if checkpoint is None:
            raise error
        if self.run.world.rank == 0:
            self.run.store.set_damaged_aside()
        self._go_back_to(checkpoint)
        self.reporter.log("rollback", self.run.state.step)
        self.reporter.message(f"{error}; rolled back to step {self.run.state.step}, once")

    def _wall_seconds(self) -> float:
        return self.earlier_seconds + time.monotonic() - self.started

    def _summary(self) -> dict[str, Any]:
        run, train, validation = self.run, self.last_results.get("train", {}), self.last_results["validation"]
        return {
            "steps": run.state.step,
            "epochs": run.sampler.calendar.epoch_at(run.state.step),
            "train_loss": train.get("loss"),
            "val_loss": validation["loss"],
            **{name: validation[name] for name in run.task.metrics},
            f"val_{run.task.unit}": int(validation[run.task.unit]),
            "best": self.best,
            "divergence": asdict(self.losses.found) if self.losses.found else None,
            "images_per_sec": self.trained_images / self.training_seconds if self.training_seconds else None,
            "wall_seconds": self._wall_seconds(),
            "processes": run.world.size,
            "virtual_workers": run.workers.count,
            "global_batch_size": run.workers.global_batch_size,
            "restarts": self.resumes,
            "evaluated_weights": "average" if run.state.evaluates_average else "last",
            "weights_sha256": weights_sha256(run.state.network),
        }
