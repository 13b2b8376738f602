"""One update, many of them, and validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Optional

from gluonlab.data.loader import Batch
from gluonlab.errors import NumericError
from gluonlab.metrics import Metrics
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import World
from gluonlab.reporting.notebook import Results
from gluonlab.schedules import Schedule
from gluonlab.task import Task, check_losses
from gluonlab.timing import Throughput
from gluonlab.training.loss_watch import LossWatch, gradient_error
from gluonlab.training.state import TrainState

Report = Callable[[int, dict[str, float]], None]


def train_step(
    state: TrainState,
    batches: Iterator[Batch],
    task: Task,
    schedule: Schedule,
    workers: VirtualWorkers,
    metrics: Metrics,
) -> dict[int, Any]:
    """One update of synchronous SGD (Goyal et al. 2017); takes ``workers.micro_steps`` batches.

    Returns the losses (n,) of each virtual worker of this process, on the device.
    Does not wait for its own result, unless a loss scaler has to decide.
    """
    scaler, losses_of = state.loss_scaler, {}
    for worker in workers.turns(state.step):
        batch = next(batches)  # waits for the host where decoding is slower than the device
        losses, outputs = state.network.train(batch, task, scaler.head_gradient if scaler else None)
        check_losses(losses, batch)
        metrics.update(losses, outputs, batch)  # waits for the batch before the last
        losses_of[worker] = losses
    last = state.last_update
    # The collectives of the update; the device carries them out, nothing waits.
    workers.reduce(last.begins if last else None)
    apply_gradients(state, workers, schedule(state.step))
    state.step += 1
    if last:
        last.ends(workers)
    return losses_of


def apply_gradients(state: TrainState, workers: VirtualWorkers, lr: float) -> None:
    """Clip, divide the summed gradient once, update, average. With loss scaling, waits and may leave it out.

    Raises:
        NumericError: NUM03 if gradients are not finite however small the loss scale, on all processes.
    """
    scaler = state.loss_scaler
    count = 1.0 if state.sums_losses else float(workers.global_batch_size)
    if scaler:
        count *= scaler.scale
        if not scaler.accepts(workers.gradients):  # waits, for the host decides whether to update
            if scaler.scale < scaler.floor:
                raise gradient_error(state.step, dict(zip(workers.names, workers.gradients)))
            return
    if state.clip:
        state.clip(workers.gradients, count)
    state.trainer.set_learning_rate(lr)
    if state.sgd_share:
        state.trainer.optimizer.sgd_share = state.sgd_share(state.step)
    if state.group_rates:
        state.group_rates.before_update(state.step)
    state.trainer.step(count)
    if state.lookahead:
        state.lookahead.after_update(state.step + 1, state.optimizer, state.trainer.states)
    if state.average:
        state.average.update(state.optimizer.num_update)
    if scaler:
        scaler.grow()


def train_steps(
    state: TrainState,
    batches: Iterator[Batch],
    task: Task,
    schedule: Schedule,
    workers: VirtualWorkers,
    metrics: Metrics,
    *,
    end_step: int,
    log_every: int,
    report: Report = lambda step, results: None,
    watch: Optional[LossWatch] = None,
) -> Iterator[int]:
    """Update until ``end_step``, and hand over after each update, with the number of updates so far.

    Every ``log_every`` updates, and at the end, reports and checks the loss.

    Raises:
        NumericError: NUM01 if the mean loss since the last report is not finite, on all processes; with
            a ``watch`` it names the samples.
    """
    throughput = Throughput()
    while state.step < end_step:
        losses = train_step(state, batches, task, schedule, workers, metrics)
        if watch:
            watch.add(state.step - 1, losses)
        throughput.add(workers.global_batch_size)
        if state.step % log_every == 0 or state.step == end_step:
            results = metrics.compute()  # the one wait of the interval; what follows is ready by then
            metrics.reset()
            results.update(throughput.lap(), learning_rate=schedule(state.step - 1))
            results.update(workers.gradient_noise())  # a collective too, of what is there already
            if watch and not math.isfinite(results["loss"]):
                raise watch.explain(results["loss"], state.step)
            check_finite("training loss", results["loss"], state.step)
            if watch:
                watch.clear()
            report(state.step, results)
        yield state.step


def check_finite(what: str, loss: float, step: int) -> None:
    """Raise `NumericError` NUM01 unless ``loss`` is a finite number."""
    if not math.isfinite(loss):
        raise NumericError(
            "NUM01", f"step {step}", f"{what} is {loss}", "lower base_lr or lengthen the warm-up"
        )


def evaluate(
    net: Callable[[Any], Any], batches: Iterable[Batch], task: Task, world: World, ctx: Any
) -> Results:
    """Loss, metrics of the task and count over the batches of all processes; each sample counts once.

    ``net`` is a network, or `Network.predict`.

    Every process brings its own share, of any length.
    """
    metrics = Metrics(world, ctx, task)
    for batch in batches:
        metrics.update(*task.losses(net, *batch), batch)
    return Results(metrics.compute())  # one collective and one wait for all batches
