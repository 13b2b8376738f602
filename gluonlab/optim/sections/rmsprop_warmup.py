"""The keys of RMSprop warm-up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gluonlab.optim.sections.base import Beta2, Eps, MomentumSection
from gluonlab.schedules import Schedule, rmsprop_to_sgd
from gluonlab.section import LARGEST_NUMBER

if TYPE_CHECKING:
    from gluonlab.optim.rmsprop_warmup import RMSpropWarmup
    from gluonlab.runtime.mxnet import gluon


class RMSpropWarmupSection(MomentumSection):
    """From RMSprop to SGD (Akiba et al. 2017)."""

    arrays: ClassVar[int] = 2

    name: Literal["rmsprop_warmup"] = "rmsprop_warmup"
    beta2: Beta2 = 0.999
    eps: Eps = 1e-8
    rmsprop_lr: float = Field(
        3e-4, gt=0, le=LARGEST_NUMBER, description="Rate of RMSprop, whatever the batch."
    )
    transition_center: float = Field(10.0, ge=0, description="Epoch at which SGD has half of the step.")
    transition_period: float = Field(
        5.0,
        gt=0,
        description="In epochs; SGD is alone half a period after the centre, and each half period before it "
        "divides its share by e.",
    )

    @property
    def transition_end(self) -> float:
        """The epoch from which on SGD is alone."""
        return self.transition_center + self.transition_period / 2

    def sgd_share(self, steps_per_epoch: float) -> Schedule:
        """The share of SGD at each step."""
        return rmsprop_to_sgd(
            self.transition_center * steps_per_epoch, self.transition_period * steps_per_epoch
        )

    def problems_within(self, epochs: float) -> Iterator[str]:
        """A transition that does not begin."""
        if self.transition_center >= epochs:
            yield (
                f"transition_center {self.transition_center:g} must come before the end of training, "
                f"epoch {epochs:g}"
            )

    def build(self, learning_rate: float, net: gluon.Block) -> RMSpropWarmup:
        """RMSprop warm-up with these values."""
        from gluonlab.optim.rmsprop_warmup import RMSpropWarmup

        return RMSpropWarmup(
            learning_rate,
            self.momentum,
            self.weight_decay,
            self.momentum_correction,
            rmsprop_lr=self.rmsprop_lr,
            beta2=self.beta2,
            eps=self.eps,
        )
