"""The calendar of a run: how epochs, which need not be whole, and steps correspond.

With ``rollover`` an epoch is ``num_samples / global_batch_size`` steps long, a real number: left-over
samples open the next epoch. With ``drop`` they are left out and the length is rounded down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

LastBatch = Literal["rollover", "drop"]


@dataclass(frozen=True)
class Epochs:
    """``num_samples`` seen in batches of ``global_batch_size``; at least one batch (the caller's check)."""

    num_samples: int
    global_batch_size: int
    last_batch: LastBatch = "rollover"

    @property
    def steps_per_epoch(self) -> Fraction:
        """Updates in one epoch, exactly."""
        length = Fraction(self.num_samples, self.global_batch_size)
        return length if self.last_batch == "rollover" else Fraction(math.floor(length))

    def total_steps(self, epochs: float) -> int:
        """Updates that fit into ``epochs``."""
        return math.floor(_exact(epochs) * self.steps_per_epoch)

    def first_step_of(self, epoch: float) -> int:
        """The first update that starts at or after ``epoch``; boundaries of schedules are these."""
        return math.ceil(_exact(epoch) * self.steps_per_epoch)

    def epoch_at(self, step: int) -> float:
        """Epochs finished after ``step`` updates."""
        return float(step / self.steps_per_epoch)


def _exact(epochs: float) -> Fraction:
    """``epochs`` as it was written: 0.1 is one tenth, not its binary neighbour."""
    return Fraction(str(epochs))
