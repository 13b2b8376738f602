"""From the time of one update to the time and the price of a whole training run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Optional

from gluonlab.simulate.update import BACKWARD_SHARE, Work

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Calendar:
    """What a recipe asks for: updates, validations of ``val_images`` images, and checkpoints.

    A checkpoint is written at each of ``epochs`` epoch ends, and every ``checkpoint_seconds`` in between.
    """

    steps: int
    epochs: float
    validations: int
    val_images: int
    checkpoint_seconds: Optional[float]


@dataclass(frozen=True)
class Overheads:
    """Seconds of starting the processes, of one checkpoint, and of one validation beside its images."""

    startup_seconds: float
    checkpoint_seconds: float
    validation_seconds: float


@dataclass(frozen=True)
class TrainingTime:
    """Seconds of a run by cause; they add up."""

    updates_seconds: float
    validation_seconds: float
    checkpoint_seconds: float
    startup_seconds: float

    @property
    def seconds(self) -> float:
        """Seconds of the whole run."""
        return self.updates_seconds + self.validation_seconds + self.checkpoint_seconds + self.startup_seconds


def training_time(
    calendar: Calendar, overheads: Overheads, update_seconds: float, work: Work, gpus: int
) -> TrainingTime:
    """The run that ``calendar`` describes, with ``update_seconds`` for each update.

    Validation is the forward third of a pass, over equal shares of the images on all ``gpus``.
    """
    updates = calendar.steps * update_seconds
    batches = math.ceil(calendar.val_images / (gpus * work.batch))
    forward = (1 - BACKWARD_SHARE) * work.law.seconds(work.batch)
    validation = calendar.validations * (overheads.validation_seconds + batches * forward)
    checkpoints = math.ceil(calendar.epochs)
    if calendar.checkpoint_seconds:
        checkpoints += math.floor(updates / calendar.checkpoint_seconds)
    return TrainingTime(
        updates, validation, checkpoints * overheads.checkpoint_seconds, overheads.startup_seconds
    )


def price(seconds: float, gpus: int, price_per_gpu_hour: float) -> float:
    """What ``gpus`` cost for so long, in the currency of the hourly price."""
    return seconds / SECONDS_PER_HOUR * gpus * price_per_gpu_hour
