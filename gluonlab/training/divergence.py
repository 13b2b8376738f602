"""A loss that is finite and far above its own history: the run has diverged."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any, Optional

from gluonlab.errors import NumericError
from gluonlab.training.run import AnyReporter, Run
from gluonlab.training.saving import Saver

WINDOW = 5
"""How many of the latest losses of a kind are its history."""

MAD_FACTOR = 7 * 1.4826
"""Seven standard deviations; 1.4826 median absolute deviations are one of a normal distribution."""

# In losses of equal logits. Early running statistics make the validation of a sound run jump.
MARGIN = {"train": 0.5, "validation": 4.0}
# Of one sample's loss, in the same unit; the mean of n has 1 / sqrt(n) of it.
SAMPLE_MARGIN = 4.0

HINT = "lower base_lr, lengthen the warm-up or set optimizer.clip_norm"


@dataclass(frozen=True)
class Divergence:
    """A loss that was too high after ``step`` updates; ``kind`` is that of its row in the metrics file.

    ``highest`` is the highest one since.
    """

    kind: str
    step: int
    loss: float
    usual: float
    limit: float
    learning_rate: float
    highest: float

    def __str__(self) -> str:
        what = "training" if self.kind == "train" else self.kind
        return (
            f"{what} loss is {self.loss:.4g}, far above the usual {self.usual:.4g} (limit {self.limit:.4g}), "
            f"at learning rate {self.learning_rate:.4g}"
        )


class DivergedError(NumericError):
    """NUM02: the loss is finite and too high."""


class LossHistory:
    """What the losses of a run usually are, separately for training and validation.

    A loss is too high if it is above the median of the `WINDOW` before it by more than `MAD_FACTOR` times
    their median absolute deviation (the identifier of Hampel 1974), and by more than a part of
    ``equal_logits``, the loss of a network that cannot tell classes apart. Before there is one, it is
    compared with that, or with the loss of the first update where that was higher. Losses that are too high
    do not become history. The history of training begins anew with each phase; ``phase_ends`` are steps.
    """

    def __init__(self, equal_logits: float, phase_ends: Sequence[int] = ()) -> None:
        self._equal_logits = equal_logits
        self._phase_ends = phase_ends
        self.found: Optional[Divergence] = None
        self.last_sound_step = 0
        self._at_first = equal_logits
        self._phase = 0
        self._losses: dict[str, list[float]] = {"train": [], "validation": []}

    def begin(self, loss: float) -> None:
        """The ``loss`` of the first update, before anything was learned; NaN if nobody knows it."""
        if loss > self._at_first:
            self._at_first = loss

    def add(
        self, kind: str, step: int, loss: float, images: float, learning_rate: float
    ) -> Optional[Divergence]:
        """Take in a mean ``loss`` over ``images``; returns what is to be told if it is too high."""
        if kind == "train":
            self._enter_phase(step)
            if step == 1:
                self.begin(loss)
        usual, limit = self._usual_and_limit(kind, images)
        if self.found and self.found.kind == kind:
            self.found = replace(self.found, highest=max(self.found.highest, loss))
        if not loss > limit:
            self._losses[kind] = [*self._losses[kind], loss][-WINDOW:]
            if kind == "train":
                self.last_sound_step = step
            return None
        divergence = Divergence(kind, step, loss, usual, limit, learning_rate, highest=loss)
        self.found = self.found or divergence
        return divergence

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of this watch, as JSON data."""
        return {
            "found": asdict(self.found) if self.found else None,
            "last_sound_step": self.last_sound_step,
            "at_first": self._at_first,
            "phase": self._phase,
            "losses": {kind: list(losses) for kind, losses in self._losses.items()},
        }

    def restore(self, state: Optional[dict[str, Any]], *, is_same_recipe: bool = True) -> None:
        """Take on what `state` returned; of another recipe only what was found, for its losses may differ.

        Checkpoints of earlier versions have none.
        """
        if state is None:
            return
        self.found = Divergence(**state["found"]) if state["found"] else None
        self.last_sound_step = state["last_sound_step"]
        if is_same_recipe:
            self._at_first, self._phase = state["at_first"], state["phase"]
            self._losses = {kind: list(losses) for kind, losses in state["losses"].items()}

    def _enter_phase(self, step: int) -> None:
        phase = bisect_left(self._phase_ends, step)
        if phase != self._phase:
            self._phase, self._losses["train"] = phase, []

    def _usual_and_limit(self, kind: str, images: float) -> tuple[float, float]:
        losses = self._losses[kind] or [self._at_first]
        usual = median(losses)
        spread = MAD_FACTOR * median(abs(loss - usual) for loss in losses)
        margin = self._equal_logits * (MARGIN[kind] + SAMPLE_MARGIN / math.sqrt(images))
        return usual, usual + max(spread, margin)


def look_for_divergence(
    kind: str, step: int, results: dict[str, float], run: Run, losses: LossHistory, reporter: AnyReporter
) -> None:
    """Take the loss of ``results`` into ``losses``; if it is too high, do what `Run.on_divergence` says.

    Raises:
        DivergedError: unless that is to tell of it only; on all processes alike, as their losses are.
    """
    images = results["count" if kind == "train" else "images"]
    divergence = losses.add(kind, step, results["loss"], images, run.schedule(step - 1))
    if divergence is None:
        return
    first = losses.found
    is_first = first is not None and (first.kind, first.step) == (divergence.kind, divergence.step)
    if is_first:
        values = asdict(divergence)
        is_validation = values.pop("kind") == "validation"
        reporter.log("divergence", values.pop("step"), is_validation=is_validation, **values)
    if run.on_divergence != "warn":
        raise DivergedError("NUM02", f"step {divergence.step}", str(divergence), HINT)
    if is_first:
        reporter.message(f"warning: step {divergence.step}: {divergence}; {HINT}")


def may_roll_back(error: NumericError, run: Run, losses: LossHistory, saver: Saver) -> bool:
    """Whether ``run`` may go back after ``error``; sets doubtful saves aside. All processes call this."""
    if not isinstance(error, DivergedError):
        return True
    is_older_left = saver.set_doubtful_aside(losses.last_sound_step)
    return is_older_left and run.on_divergence == "rollback"
