"""The keys that all optimizers share, and those of several."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Optional

from pydantic import Field

from gluonlab.optim.sections.groups import GroupSection
from gluonlab.optim.sections.lookahead import LookaheadSection
from gluonlab.schedules import Schedule
from gluonlab.section import LARGEST_NUMBER, SMALLEST_EPS, Section

if TYPE_CHECKING:
    from gluonlab.optim.base import Optimizer
    from gluonlab.runtime.mxnet import gluon

Momentum = Annotated[float, Field(ge=0, lt=1, description="Weight of the past in the momentum buffer.")]
Beta2 = Annotated[
    float, Field(ge=0, le=0.99999, description="Weight of the past in the mean of the squared gradient.")
]
Eps = Annotated[
    float,
    Field(ge=SMALLEST_EPS, le=LARGEST_NUMBER, description="Added to the root of the mean squared gradient."),
]


class OptimizerSection(Section):
    """The update rule."""

    arrays: ClassVar[int] = 1
    """Arrays as large as all parameters together that it keeps, beside weights and gradients."""
    has_layer_norms: ClassVar[bool] = False
    """Whether it reads all weights and gradients once more, for norms."""
    keeps_matrices: ClassVar[bool] = False
    """Whether it keeps square matrices of the sides of its weights, beside those arrays."""
    is_average: ClassVar[bool] = False
    """Whether what it evaluates is an average of the weights already."""

    name: str
    weight_decay: float = Field(0.0, ge=0, lt=1, description="L2 penalty, added to the gradient.")
    decay_norm_and_bias: bool = Field(False, description="Whether gamma, beta and biases decay as well.")
    decay_bias: Optional[bool] = Field(
        None, description="Whether biases decay, where that differs from decay_norm_and_bias."
    )
    clip_norm: Optional[float] = Field(
        None,
        gt=0,
        le=LARGEST_NUMBER,
        description="Largest norm of the averaged gradient of all parameters together.",
    )
    clip_value: Optional[float] = Field(
        None,
        gt=0,
        le=LARGEST_NUMBER,
        description="Largest size of each element of the averaged gradient, after clip_norm.",
    )
    groups: list[GroupSection] = Field([], description="Parameters with another rate or decay.")
    layer_decay: Optional[float] = Field(
        None,
        gt=0,
        le=1,
        description="The rate of each layer, a residual block, is that of the next one times this; that of "
        "the classifier stays (fine-tuning, as timm groups layers).",
    )
    lookahead: LookaheadSection = Field(LookaheadSection(), description="Slow weights beside the fast ones.")

    def build(self, learning_rate: float, net: gluon.Block) -> Optimizer:
        """The optimizer of ``net``, whose shapes are known; the training loop sets its rate.

        Raises:
            ConfigError: CFG33 the network has no weight that the rule is for.
        """
        raise NotImplementedError

    def problems_within(self, epochs: float) -> Iterator[str]:
        """What does not fit into a training of ``epochs``."""
        return iter(())

    def problems_of_extras(self, epochs: float) -> Iterator[str]:
        """What groups and Lookahead have that does not fit the rule, or a training of ``epochs``."""
        if self.lookahead.every and self.is_average:
            yield f"lookahead does not go with {self.name}, an average itself"
        for number, group in enumerate(self.groups):
            key, until = f"groups.{number}.until_epoch", group.until_epoch
            if until and until > epochs:
                yield f"{key} {until:g} is beyond the end of training, epoch {epochs:g}"
            if until and self.is_average:
                yield f"{key} does not go with {self.name}, whose average moves on without a rate"

    def sgd_share(self, steps_per_epoch: float) -> Optional[Schedule]:
        """The share of SGD at each step, where the rule turns into SGD."""
        return None

    @property
    def transition_end(self) -> float:
        """The epoch from which on the rule stays what it is."""
        return 0.0

    @property
    def decays_bias(self) -> bool:
        """Whether biases decay."""
        return self.decay_norm_and_bias if self.decay_bias is None else self.decay_bias


class MomentumSection(OptimizerSection):
    """Rules with a momentum buffer in units of the rate."""

    momentum: Momentum = 0.9
    momentum_correction: bool = Field(
        True, description="Rescale the momentum buffer when the rate changes (Goyal et al. 2017, remark 2)."
    )


class DecoupledSection(OptimizerSection):
    """Rules whose decay is no part of the gradient."""

    weight_decay: float = Field(
        0.0, ge=0, le=1000, description="Decoupled from the gradient, times the rate."
    )


class AdamSection(DecoupledSection):
    """Rules with running means of the gradient and of its square."""

    arrays: ClassVar[int] = 2

    beta1: float = Field(0.9, ge=0, le=0.99999, description="Weight of the past in the mean gradient.")
    beta2: Beta2 = 0.999
    eps: Eps = 1e-8
