"""The calendar of a run: how epochs, which need not be whole, and steps correspond.

With ``rollover`` an epoch is ``num_samples / global_batch_size`` steps long, a real number: left-over
samples open the next epoch. With ``drop`` they are left out and the length is rounded down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal, Union

LastBatch = Literal["rollover", "drop"]


@dataclass(frozen=True)
class _Piece:
    """Updates of one batch size, from ``first_step`` on, which begins at ``first_epoch`` exactly."""

    first_step: int
    first_epoch: Fraction
    global_batch_size: int
    steps_per_epoch: Fraction

    def step_of(self, epoch: Fraction) -> Fraction:
        return self.first_step + (epoch - self.first_epoch) * self.steps_per_epoch

    def epoch_of(self, step: int) -> Fraction:
        return self.first_epoch + (step - self.first_step) / self.steps_per_epoch


@dataclass(frozen=True)
class Epochs:
    """``num_samples`` seen in batches of ``global_batch_size``; at least one batch (the caller's check).

    ``changes`` are pairs (epoch, batch size): from the first update on that starts at or after the epoch,
    batches have that size. With ``drop`` these epochs must be whole (ValueError).
    """

    num_samples: int
    global_batch_size: int
    last_batch: LastBatch = "rollover"
    changes: tuple[tuple[float, int], ...] = ()

    @property
    def steps_per_epoch(self) -> Fraction:
        """Updates in one epoch, exactly; in the first of several batch sizes."""
        return self._epoch_length(self.global_batch_size)

    def total_steps(self, epochs: float) -> int:
        """Updates that fit into ``epochs``."""
        return math.floor(self._step_of(_exact(epochs)))

    def first_step_of(self, epoch: float) -> int:
        """The first update that starts at or after ``epoch``; boundaries of schedules are these."""
        return math.ceil(self._step_of(_exact(epoch)))

    def epoch_at(self, step: int) -> float:
        """Epochs finished after ``step`` updates."""
        return float(self._piece_at(step).epoch_of(step))

    def batch_size_at(self, step: int) -> int:
        """Images of update ``step``."""
        return self._piece_at(step).global_batch_size

    def first_place_of(self, step: int) -> int:
        """Where update ``step`` begins in the endless row of all epochs of ``num_samples`` each."""
        piece = self._piece_at(step)
        if self.last_batch == "rollover":
            return int(piece.epoch_of(step) * self.num_samples)
        epochs, steps = divmod(step - piece.first_step, int(piece.steps_per_epoch))
        return (int(piece.first_epoch) + epochs) * self.num_samples + steps * piece.global_batch_size

    @cached_property
    def _pieces(self) -> list[_Piece]:
        pieces = [_Piece(0, Fraction(0), self.global_batch_size, self.steps_per_epoch)]
        for epoch, batch_size in self.changes:
            step = max(math.ceil(pieces[-1].step_of(_exact(epoch))), pieces[-1].first_step)
            start = pieces[-1].epoch_of(step)
            if self.last_batch == "drop" and start.denominator != 1:
                raise ValueError(f"with drop the batch can change at whole epochs only, not at {epoch}")
            pieces.append(_Piece(step, start, batch_size, self._epoch_length(batch_size)))
        return pieces

    def _piece_at(self, step: int) -> _Piece:
        return [piece for piece in self._pieces if piece.first_step <= step][-1]

    def _step_of(self, epoch: Fraction) -> Fraction:
        piece = [piece for piece in self._pieces if piece.first_epoch <= epoch][-1]
        return piece.step_of(epoch)

    def _epoch_length(self, batch_size: int) -> Fraction:
        length = Fraction(self.num_samples, batch_size)
        return length if self.last_batch == "rollover" else Fraction(math.floor(length))


@dataclass(frozen=True)
class EpochsSince:
    """The part of ``calendar`` from ``epoch`` on: epochs and steps count from there."""

    calendar: Epochs
    epoch: float

    @property
    def first_step(self) -> int:
        """The step of the whole calendar at which this part begins."""
        return self.calendar.first_step_of(self.epoch)

    def total_steps(self, epochs: float) -> int:
        """Updates that fit into ``epochs``."""
        return self.calendar.total_steps(self._in_whole(epochs)) - self.first_step

    def first_step_of(self, epoch: float) -> int:
        """The first update that starts at or after ``epoch``."""
        return self.calendar.first_step_of(self._in_whole(epoch)) - self.first_step

    def _in_whole(self, epoch: float) -> float:
        return float(_exact(epoch) + _exact(self.epoch))


Calendar = Union[Epochs, EpochsSince]


def _exact(epochs: float) -> Fraction:
    """``epochs`` as it was written: 0.1 is one tenth, not its binary neighbour."""
    return Fraction(str(epochs))
