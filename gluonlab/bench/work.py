"""What is measured: the updates of a run, its forward passes alone, or its loader alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from gluonlab import arrays as libraries
from gluonlab.inference.engines import make_engine
from gluonlab.metrics import MAX_IN_FLIGHT, Metrics
from gluonlab.reporting.reporter import SilentReporter
from gluonlab.training.run import Run
from gluonlab.training.saving import Saver
from gluonlab.training.updates import Updates


class Work(Protocol):
    """Steps over ``images_per_step`` of this process; `MAX_IN_FLIGHT` may be under way when one returns."""

    images_per_step: int

    def step(self) -> None:
        """Compute one step; may return before the device has finished it."""

    def loss(self) -> float:
        """Mean loss since the last call; NaN if there is none. All processes call it together."""

    def close(self) -> None:
        """Stop the threads that read data."""


class Training:
    """The updates of a run: `Updates`, through which `fit` goes as well."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.images_per_step = run.workers.worker_batch_size * run.workers.micro_steps
        self._metrics = Metrics(run.world, run.ctx, run.task)
        self._saver = Saver(run, SilentReporter())
        updates = Updates(run, self._saver, report=lambda step, results: None)
        self.batches = updates.batches(run.total_steps)
        self._updates = updates.until(run.total_steps, self.batches, self._metrics)

    def step(self) -> None:
        """Make one update of the run."""
        next(self._updates)

    def loss(self) -> float:
        """Mean loss of all processes since the last call."""
        loss = self._metrics.compute()["loss"]
        self._metrics.reset()
        return loss

    def close(self) -> None:
        """Stop the loader's threads."""
        self.batches.close()
        self._saver.close()


class Inference:
    """Forward passes of the network in prediction mode."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.images_per_step = run.workers.worker_batch_size
        requests = run.sampler.requests(0, run.total_steps, self.images_per_step, run.workers.mine)
        self.batches = run.loader.batches(requests)
        self._in_flight: deque[Callable[[], object]] = deque()

    def step(self) -> None:
        """Compute the logits of one batch."""
        images = next(self.batches)[0]
        logits = self.run.state.network.predict(images)
        self._in_flight.append(libraries.of(logits).mark(logits))
        if len(self._in_flight) > MAX_IN_FLIGHT:
            self._in_flight.popleft()()

    def loss(self) -> float:
        """NaN: nothing computes a loss here."""
        return float("nan")

    def close(self) -> None:
        """Stop the loader's threads."""
        self.batches.close()


class EngineInference:
    """One call of an inference engine after another, from normalised images to logits on the host.

    The images are those of the first batch: an engine takes arrays, and where they come from is not its work.
    """

    def __init__(self, run: Run, engine: str) -> None:
        self.images_per_step = run.workers.worker_batch_size
        requests = run.sampler.requests(0, run.total_steps, self.images_per_step, run.workers.mine)
        batches = run.loader.batches(requests)
        self._images = libraries.of(run.ctx).to_numpy(next(batches)[0])
        batches.close()
        shape = self._images.shape[1:]
        self._compute = make_engine(run.state.net, engine, shape, calibration=self._images, check=False)

    def step(self) -> None:
        """Compute the logits of one batch."""
        self._compute(self._images)

    def loss(self) -> float:
        """NaN: nothing computes a loss here."""
        return float("nan")

    def close(self) -> None:
        """Do nothing: no data is read."""


class Loading:
    """Batches onto the device, and nothing done with them."""

    def __init__(self, run: Run) -> None:
        self.images_per_step = run.workers.worker_batch_size
        requests = run.sampler.requests(0, run.total_steps, self.images_per_step, run.workers.mine)
        self.batches = run.loader.batches(requests)

    def step(self) -> None:
        """Load one batch and wait until it is on the device."""
        images = next(self.batches)[0]
        libraries.of(images).mark(images)()

    def loss(self) -> float:
        """NaN: nothing computes a loss here."""
        return float("nan")

    def close(self) -> None:
        """Stop the loader's threads."""
        self.batches.close()


def wait_for_device() -> None:
    """Until all that was asked for is done."""
    libraries.wait_for_all()
