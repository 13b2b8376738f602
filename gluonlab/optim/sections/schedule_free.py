"""The keys of the Schedule-Free rules, which average the weights in place of a falling rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.optim.sections.base import Beta2, DecoupledSection, Eps, OptimizerSection
from gluonlab.section import Section

if TYPE_CHECKING:
    from gluonlab.optim.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
    from gluonlab.runtime.mxnet import gluon


class AverageSection(Section):
    """The average, and what is evaluated of it."""

    beta1: float = Field(
        0.9,
        gt=0,
        le=0.99999,
        description="Weight of the average in the point that gradients are taken at.",
    )
    statistics_samples: Optional[int] = Field(
        None,
        ge=1,
        description="Training images that each validation computes the BatchNorm statistics of the average "
        "from; default all of them, which costs as much as an epoch.",
    )


class ScheduleFreeSGDSection(AverageSection, OptimizerSection):
    """SGD with an average of the weights for a falling rate (Defazio et al. 2024); constant rate."""

    arrays: ClassVar[int] = 4  # two points, the average, and the weights while it is evaluated
    is_average: ClassVar[bool] = True

    name: Literal["schedule_free_sgd"] = "schedule_free_sgd"

    def build(self, learning_rate: float, net: gluon.Block) -> ScheduleFreeSGD:
        """ScheduleFreeSGD with these values."""
        from gluonlab.optim.schedule_free import ScheduleFreeSGD

        return ScheduleFreeSGD(learning_rate, self.weight_decay, beta=self.beta1)


class ScheduleFreeAdamWSection(AverageSection, DecoupledSection):
    """AdamW with an average of the weights for a falling rate (Defazio et al. 2024); constant rate."""

    arrays: ClassVar[int] = 5
    is_average: ClassVar[bool] = True

    name: Literal["schedule_free_adamw"] = "schedule_free_adamw"
    beta2: Beta2 = 0.999
    eps: Eps = 1e-8

    def build(self, learning_rate: float, net: gluon.Block) -> ScheduleFreeAdamW:
        """ScheduleFreeAdamW with these values."""
        from gluonlab.optim.schedule_free import ScheduleFreeAdamW

        return ScheduleFreeAdamW(
            learning_rate, self.weight_decay, beta=self.beta1, beta2=self.beta2, eps=self.eps
        )
