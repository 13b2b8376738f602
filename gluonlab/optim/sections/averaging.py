"""The keys of each average of the weights; read without MXNet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.epochs import Epochs, EpochsSince
from gluonlab.section import Section

if TYPE_CHECKING:
    from gluonlab.optim.averaging import WeightAverage
    from gluonlab.runtime.mxnet import gluon


class AveragingSection(Section):
    """An average of the weights, which is what validation evaluates."""

    arrays: ClassVar[int] = 2
    """Arrays as large as all parameters together: the average, and the weights while it is evaluated."""

    name: str

    def build(self, net: gluon.Block) -> Optional[WeightAverage]:
        """The average of the weights of ``net``; None where the last weights are evaluated."""
        raise NotImplementedError

    def problems_within(self, epochs: float) -> Iterator[str]:
        """What does not fit into a training of ``epochs``."""
        return iter(())


class NoAveragingSection(AveragingSection):
    """The last weights are evaluated."""

    arrays: ClassVar[int] = 0

    name: Literal["none"] = "none"

    def build(self, net: gluon.Block) -> None:
        """None: there is no average."""


class EMASection(AveragingSection):
    """Exponential moving average over updates, with the running statistics."""

    name: Literal["ema"] = "ema"
    decay: float = Field(ge=0, lt=1, description="Weight of the past, at each update; 0.9999 is common.")
    decay_warmup: bool = Field(
        False, description="At most (1 + t) / (10 + t) at update t, to forget the first weights soon."
    )

    def build(self, net: gluon.Block) -> WeightAverage:
        """Start the moving average of the weights of ``net``."""
        from gluonlab.optim.averaging import ExponentialMovingAverage

        return ExponentialMovingAverage(net, self.decay, warm_up=self.decay_warmup)


class SWASection(AveragingSection):
    """The mean of the weights at some epochs and the end, with own statistics (Izmailov et al. 2018)."""

    name: Literal["swa"] = "swa"
    from_epoch: float = Field(
        gt=0,
        description="The first epoch whose weights count, at three quarters of the training for example; "
        "they are evaluated from then on.",
    )
    every_epochs: float = Field(1.0, gt=0, description="Epochs between two weights that count.")
    statistics_samples: Optional[int] = Field(
        None,
        ge=1,
        description="Training images that each new mean computes its BatchNorm statistics from; default "
        "all of them, which costs as much as an epoch.",
    )

    def build(self, net: gluon.Block) -> WeightAverage:
        """The mean, of no weights yet."""
        from gluonlab.optim.averaging import StochasticWeightAverage

        return StochasticWeightAverage(net)

    def steps(self, calendar: Epochs, epochs: float) -> list[int]:
        """When weights count: at from_epoch, at each interval from there, and at the end of training."""
        end, since = calendar.total_steps(epochs), EpochsSince(calendar, self.from_epoch)
        every = Fraction(str(self.every_epochs))  # as it was written, and no sums of its binary neighbour
        intervals = range(math.ceil((epochs - self.from_epoch) / self.every_epochs))
        steps = {since.first_step + since.first_step_of(float(number * every)) for number in intervals}
        return sorted({step for step in steps if step < end} | {end})

    def problems_within(self, epochs: float) -> Iterator[str]:
        """A mean that would begin after the end."""
        if self.from_epoch >= epochs:
            yield f"from_epoch {self.from_epoch:g} must come before the end of training, epoch {epochs:g}"
