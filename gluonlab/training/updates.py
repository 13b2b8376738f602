"""The updates of a run and all that goes with each: `fit` trains by them, benchmarks measure them."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from gluonlab.data.loader import Batch
from gluonlab.fault_injection import fault_point
from gluonlab.metrics import Metrics
from gluonlab.parallel.agreement import Agreement
from gluonlab.parallel.virtual_workers import Wishes
from gluonlab.training.finite_state import check_finite_state
from gluonlab.training.loop import Report, train_steps
from gluonlab.training.loss_watch import LossWatch
from gluonlab.training.run import Run
from gluonlab.training.same_weights import check_same_weights
from gluonlab.training.saving import Saver


@dataclass(frozen=True)
class Due:
    """What all processes are to do between two updates; they decide alike."""

    stop: bool
    save: bool


class Updates:
    """Updates of ``run``, with the watch over its losses, the wishes of its processes and ``saver``'s clock.

    ``report`` gets the means of every `Run.log_every` updates. Every `Run.check_weights_every` updates the
    state is compared and must be finite; if it ``looks_at_each``, after every update.
    """

    def __init__(self, run: Run, saver: Saver, report: Report) -> None:
        self._run, self._saver, self._report = run, saver, report
        self._agreement = Agreement(run.world)
        self._watch = LossWatch(run.world, run.state.network, self._sample_ids)
        self.looks_at_each = False

    def forget(self) -> None:
        """The run goes back: the losses since are of no interest."""
        self._watch.clear()

    def batches(self, end_step: int) -> Generator[Batch, None, None]:
        """What this process needs for the updates up to ``end_step``, all of one phase."""
        run = self._run
        requests = run.sampler.requests(
            run.state.step, end_step, run.workers.worker_batch_size, run.workers.mine
        )
        return run.world.progress.watch(run.loader.batches(requests))

    def until(self, end_step: int, batches: Iterator[Batch], metrics: Metrics) -> Iterator[Due]:
        """Update until ``end_step``; after each update comes what is due then.

        Raises:
            DivergenceError, NumericError: on all processes.
        """
        run = self._run
        steps = train_steps(
            run.state,
            batches,
            run.task,
            run.schedule,
            run.workers,
            metrics,
            end_step=end_step,
            log_every=run.log_every,
            report=self._report,
            watch=self._watch,
        )
        for step in steps:
            yield self._after(step)
            self._saver.report()

    def _after(self, step: int) -> Due:
        run = self._run
        run.world.progress.mark_step(step)
        fault_point("step", step)
        wishes_to_stop = run.stop.is_made or self._saver.has_lost_directory()
        # Two updates old; reading it waits for the gradients of the update before the last.
        heard = self._agreement.exchange(run.workers, Wishes(wishes_to_stop, self._saver.wishes()))
        due = Due(heard.stop, self._saver.is_due(step, heard.save))
        if not due.save and step % run.check_weights_every == 0:  # a save looks at them as well
            check_same_weights(run.state, run.world)  # a wait for the device and a collective
            check_finite_state(run.state)  # a wait
        elif self.looks_at_each:
            check_finite_state(run.state)
        return due

    def _sample_ids(self, step: int, worker: int) -> list[int]:
        size = self._run.workers.worker_batch_size
        batch = self._run.sampler.global_batch(step)
        return list(batch.indices[worker * size : (worker + 1) * size])
