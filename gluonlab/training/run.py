"""Everything a run is made of, ready to be carried out by `fit`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal, Optional, Union

from gluonlab import arrays as libraries
from gluonlab.checkpoint.inheritance import Inheritance
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.data.loader import Loader
from gluonlab.data.sampler import Sampler, evaluation_requests
from gluonlab.fault_injection import fault_point
from gluonlab.intervals import Interval
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import World
from gluonlab.reporting.reporter import Reporter, SilentReporter
from gluonlab.reporting.trackers.followers import Followers
from gluonlab.schedules import Schedule
from gluonlab.supervision.line import LauncherLine
from gluonlab.supervision.progress import VALIDATING
from gluonlab.supervision.stop import StopRequest
from gluonlab.task import Task
from gluonlab.training.loop import evaluate
from gluonlab.training.phase import Phase
from gluonlab.training.state import TrainState
from gluonlab.training.views import Views, with_views
from gluonlab.training.weight_averaging import WeightAveraging

AnyReporter = Union[Reporter, SilentReporter]


@dataclass(frozen=True)
class Validation:
    """The held-out samples and how they are read."""

    loader: Loader
    num_samples: int
    batch_size: int
    task: Task
    views: Views = "one"

    def run(
        self, net: Any, world: World, ctx: Any, stop: Optional[StopRequest] = None
    ) -> Optional[dict[str, float]]:
        """Metrics over all samples, each process reading its share; None if any process was to ``stop``."""
        stop = stop or StopRequest()
        requests = evaluation_requests(self.num_samples, self.batch_size, world.rank, world.size)
        wanted = takewhile(lambda _: not stop.is_made, requests)
        with world.progress.doing(VALIDATING):
            fault_point("validate")
            batches = world.progress.watch(self.loader.batches(wanted))
            results = evaluate(with_views(net, self.views), batches, self.task, world, ctx)
        if results["count"] == self.num_samples:
            return results
        reason = next(filter(None, world.exchange(stop.reason)), "")
        if not reason:
            raise AssertionError(f"{results['count']} of {self.num_samples} samples were validated")
        stop.make(reason)
        return None


@dataclass
class Run:
    """Everything a run needs, built; `fit` carries it out.

    ``identity`` is what a checkpoint must agree on to be continued (JSON data, `training.identity` compares
    it), but for the keys that begin with one of ``allowed_changes``. ``stop`` may be asked from a signal
    handler or another thread. ``equal_logits_loss``, that of a network which cannot tell classes apart, is
    the unit of `LossHistory`; if it is infinite, no loss is too high. At ``pause_step`` the run stops by
    itself, saved; it is trained no further before that is another. Where there are ``phases``,
    ``workers``, ``loader`` and ``task`` are those of the present one. ``engine`` is the name of what
    computes ``state.network``. ``line`` leads to the launcher, if there is one, and ``inheritance`` is what
    the start before has left. ``followers``, on rank 0, send its rows to trackers.
    """

    state: TrainState
    world: World
    workers: VirtualWorkers
    ctx: Any
    sampler: Sampler
    loader: Loader
    validation: Validation
    task: Task
    schedule: Schedule
    total_steps: int
    store: CheckpointStore
    make_reporter: Callable[[int], AnyReporter]
    log_every: int = 50
    eval_every: float = 1.0
    checkpoint_every: Optional[Interval] = None
    max_failed_saves: int = 3
    check_weights_every: int = 100
    on_divergence: Literal["warn", "rollback", "stop"] = "warn"
    equal_logits_loss: float = math.inf
    identity: dict[str, Any] = field(default_factory=dict)
    engine: str = "mxnet"
    allowed_changes: tuple[str, ...] = ()
    pause_step: Optional[int] = None
    stop: StopRequest = field(default_factory=StopRequest)
    line: Optional[LauncherLine] = None
    inheritance: Optional[Inheritance] = None
    phases: Sequence[Phase] = ()
    averaging: Optional[WeightAveraging] = None
    followers: Followers = field(default_factory=Followers)

    def enter_phase(self) -> int:
        """Take on the phase of the next update, on all processes; returns the step at which it ends."""
        if not self.phases:
            return self.total_steps
        phase = next((phase for phase in self.phases if self.state.step < phase.end_step), self.phases[-1])
        self.loader, self.task = phase.loader, phase.task
        self.state.optimizer.wd = phase.weight_decay
        if self.workers.global_batch_size != phase.global_batch_size:
            libraries.of(
                self.ctx
            ).wait_for_all()  # sums of the last update may be under way in arrays of the old workers
            self.workers = phase.make_workers()
        return phase.end_step

    def average_weights(self) -> None:
        """Take the weights into their mean, if this step is one for it; all processes must call this."""
        if self.averaging:
            self.averaging.catch_up(self.state, self.workers, self.world.progress)
