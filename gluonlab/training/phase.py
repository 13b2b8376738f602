"""What a run changes from one update to the next: batch, data, loss, decay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gluonlab.data.loader import Loader
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.task import Task


@dataclass(frozen=True)
class Phase:
    """What holds for the updates before ``end_step``, from where the phase before it ends.

    Learning rate and sampler know the steps of all phases by themselves. ``make_workers`` is called once
    the phase begins, if its batch is another one than that of the phase before.
    """

    end_step: int
    global_batch_size: int
    make_workers: Callable[[], VirtualWorkers]
    loader: Loader
    task: Task
    weight_decay: float
