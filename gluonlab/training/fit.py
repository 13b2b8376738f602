"""A whole run: resume, train epoch by epoch, validate, checkpoint, sum up."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Optional, Union

import numpy as np

from gluonlab.checkpoint.store import Checkpoint, CheckpointStore
from gluonlab.data.loader import Loader
from gluonlab.data.sampler import Sampler, evaluation_requests
from gluonlab.errors import CheckpointError, NumericError
from gluonlab.intervals import Interval
from gluonlab.metrics import Metrics
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import World
from gluonlab.reporting.reporter import Reporter, SilentReporter
from gluonlab.schedules import Schedule
from gluonlab.training.loop import LossFn, check_finite, evaluate, train_epoch
from gluonlab.training.loss_watch import LossWatch
from gluonlab.training.state import (
    TrainState,
    checkpoint_state,
    checkpoint_tensors,
    restore,
    weights_sha256,
)

AnyReporter = Union[Reporter, SilentReporter]


@dataclass(frozen=True)
class Validation:
    """The held-out samples and how they are read."""

    loader: Loader
    num_samples: int
    batch_size: int
    loss_fn: LossFn

    def run(self, net: Any, world: World, ctx: Any) -> dict[str, float]:
        """Metrics over all samples, each process reading its share."""
        requests = evaluation_requests(self.num_samples, self.batch_size, world.rank, world.size)
        results = evaluate(net, self.loader.batches(requests), self.loss_fn, world, ctx)
        if results["count"] != self.num_samples:
            raise AssertionError(f"{results['count']} of {self.num_samples} samples were validated")
        return results


@dataclass
class Run:
    """Everything a run needs, built; `fit` carries it out.

    ``identity`` is what a checkpoint must agree on to be continued (JSON data).
    """

    state: TrainState
    world: World
    workers: VirtualWorkers
    ctx: Any
    sampler: Sampler
    loader: Loader
    validation: Validation
    loss_fn: LossFn
    schedule: Schedule
    total_steps: int
    store: CheckpointStore
    make_reporter: Callable[[int], AnyReporter]
    log_every: int = 50
    eval_every: float = 1.0
    checkpoint_every: Optional[Interval] = None
    identity: dict[str, Any] = field(default_factory=dict)


def fit(run: Run) -> dict[str, Any]:
    """Train ``run`` to its end, from its latest checkpoint if it has one; returns the summary."""
    run.world.check_equal("the run", run.identity)
    checkpoint = _resume(run)
    reporter = run.make_reporter(run.state.step)
    with reporter:
        return _Fitting(run, reporter, checkpoint).to_the_end()


class _Fitting:
    """The part of a run that changes while it goes on, beside its `TrainState`."""

    def __init__(self, run: Run, reporter: AnyReporter, checkpoint: Optional[Checkpoint]) -> None:
        self.run, self.reporter = run, reporter
        self.started = self.last_saved = time.monotonic()
        self.earlier_seconds = 0.0
        self.resumes = 0
        self.last_results: dict[str, dict[str, float]] = {}
        self.trained_images = self.training_seconds = 0.0
        self.watch = LossWatch(run.world, run.state.net, self._sample_ids)
        if checkpoint:
            self.earlier_seconds = checkpoint.state["wall_seconds"]
            self.resumes = checkpoint.state["resumes"] + 1
            self.last_results = checkpoint.state["last_results"]
            self.trained_images = checkpoint.state["trained_images"]
            self.training_seconds = checkpoint.state["training_seconds"]
            reporter.log("resume", run.state.step)
            reporter.message(f"resumed from {checkpoint.path} at step {run.state.step}")

    def to_the_end(self) -> dict[str, Any]:
        """Train what is left; a run that diverges goes back to its last checkpoint once."""
        is_second_chance = False
        while self.run.state.step < self.run.total_steps:
            try:
                self._train_epochs()
            except NumericError as error:
                if is_second_chance:
                    raise
                is_second_chance = True
                self._roll_back(error)
        if (
            "validation" not in self.last_results
            or self.last_results["validation"]["step"] != self.run.total_steps
        ):
            self._validate()
        self._save()
        return self._summary()

    def _train_epochs(self) -> None:
        run = self.run
        requests = run.sampler.requests(
            run.state.step, run.total_steps, run.workers.worker_batch_size, run.workers.mine
        )
        metrics = Metrics(run.world, run.ctx)
        with closing(run.loader.batches(requests)) as batches:
            while run.state.step < run.total_steps:
                epoch_end, validation_step = self._next_step_of(1.0), self._next_step_of(run.eval_every)
                end_step = min(epoch_end, validation_step, run.total_steps)
                train_epoch(
                    run.state,
                    batches,
                    run.loss_fn,
                    run.schedule,
                    run.workers,
                    metrics,
                    end_step=end_step,
                    log_every=run.log_every,
                    report=self._report_training,
                    after_step=partial(self._save_if_due, end_step),
                    watch=self.watch,
                )
                if end_step in (validation_step, run.total_steps):
                    self._validate()
                if run.checkpoint_every and (end_step == epoch_end or self._is_save_due()):
                    self._save()

    def _sample_ids(self, step: int, worker: int) -> list[int]:
        size = self.run.workers.worker_batch_size
        batch = self.run.sampler.global_batch(step)
        return list(batch.indices[worker * size : (worker + 1) * size])

    def _next_step_of(self, interval_epochs: float) -> int:
        """The first step from here on at which another interval is over."""
        calendar, step = self.run.sampler.calendar, self.run.state.step
        number = int(calendar.epoch_at(step) / interval_epochs)
        while calendar.first_step_of(number * interval_epochs) <= step:
            number += 1
        return calendar.first_step_of(number * interval_epochs)

    def _validate(self) -> None:
        start = time.monotonic()
        with self.run.state.weights_to_evaluate():
            results = self.run.validation.run(self.run.state.net, self.run.world, self.run.ctx)
        results["images"] = results.pop("count")
        results["seconds"] = time.monotonic() - start
        check_finite("validation loss", results["loss"], self.run.state.step)
        self._report("validation", self.run.state.step, results)

    def _report_training(self, step: int, results: dict[str, float]) -> None:
        self.trained_images += results["count"]
        self.training_seconds += results["count"] / results["images_per_sec"]
        self._report("train", step, results)

    def _report(self, kind: str, step: int, results: dict[str, float]) -> None:
        results = {"epoch": self.run.sampler.calendar.epoch_at(step), **results}
        self.last_results[kind] = {"step": step, **results}
        self.reporter.log(kind, step, **results)

    def _save_if_due(self, end_step: int) -> None:
        # At the end of an epoch a validation may come first; its result belongs into the checkpoint.
        if self.run.state.step < end_step and self._is_save_due():
            self._save()

    def _is_save_due(self) -> bool:
        every, step, calendar = self.run.checkpoint_every, self.run.state.step, self.run.sampler.calendar
        if every is None:
            return False
        if every.unit == "seconds":
            return time.monotonic() - self.last_saved >= every.amount
        if every.unit == "steps":
            return step % int(every.amount) == 0
        return int(calendar.epoch_at(step) / every.amount) > int(calendar.epoch_at(step - 1) / every.amount)

    def _save(self) -> None:
        """Rank 0 writes: by now the weights and statistics are the same on every process."""
        run, step = self.run, self.run.state.step
        if run.world.rank == 0 and step not in run.store.steps():
            start = time.monotonic()
            tensors = checkpoint_tensors(run.state)
            broken = [name for name, array in tensors["model"].items() if not np.isfinite(array).all()]
            if broken:  # every process learns of it with the next loss; only this one looks at weights
                self.reporter.message(f"no checkpoint at step {step}: {broken[0]} is not finite")
                return
            run.store.save(step, tensors, self._checkpoint_state())
            self.reporter.log("checkpoint", step, seconds=time.monotonic() - start)
        self.last_saved = time.monotonic()

    def _checkpoint_state(self) -> dict[str, Any]:
        run = self.run
        return {
            **checkpoint_state(run.state),
            "epoch": run.sampler.calendar.epoch_at(run.state.step),
            "identity": run.identity,
            "processes": run.world.size,
            "virtual_workers": run.workers.count,
            "wall_seconds": self._wall_seconds(),
            "resumes": self.resumes,
            "last_results": self.last_results,
            "trained_images": self.trained_images,
            "training_seconds": self.training_seconds,
        }

    def _roll_back(self, error: NumericError) -> None:
        checkpoint = _resume(self.run)
        self.watch.clear()
        if checkpoint is None:
            raise error
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
            "top1": validation["top1"],
            "top5": validation["top5"],
            "val_images": int(validation["images"]),
            "images_per_sec": self.trained_images / self.training_seconds if self.training_seconds else None,
            "wall_seconds": self._wall_seconds(),
            "processes": run.world.size,
            "virtual_workers": run.workers.count,
            "global_batch_size": run.workers.global_batch_size,
            "restarts": self.resumes,
            "evaluated_weights": "average" if run.state.average else "last",
            "weights_sha256": weights_sha256(run.state.net),
        }


def _resume(run: Run) -> Optional[Checkpoint]:
    """Restore the newest good checkpoint that rank 0 sees, on every process."""
    newest = run.world.run_on_all(
        lambda: run.store.latest(set_damaged_aside=True) if run.world.rank == 0 else None
    )
    step = int(run.world.exchange(str(newest.step if newest else -1))[0])
    if step < 0:
        return None

    def load() -> Checkpoint:
        checkpoint = newest or run.store.load(step)
        if not _agrees(checkpoint.state["identity"], run.identity):
            raise CheckpointError(
                "CKP08", str(checkpoint.path), "belongs to another run", "use another run_dir"
            )
        restore(run.state, checkpoint)
        return checkpoint

    return run.world.run_on_all(load)


def _agrees(saved: Any, current: Any) -> bool:
    """Whether all keys that both have agree; a later version may have more."""
    if isinstance(saved, dict) and isinstance(current, dict):
        return all(_agrees(saved[key], current[key]) for key in saved.keys() & current.keys())
    return bool(saved == current)
