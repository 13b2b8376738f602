"""The keys of LARS."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.optim.sections.base import MomentumSection
from gluonlab.section import LARGEST_NUMBER

if TYPE_CHECKING:
    from gluonlab.optim.lars import LARS
    from gluonlab.runtime.mxnet import gluon


class LARSSection(MomentumSection):
    """A rate for each layer (You et al. 2017)."""

    has_layer_norms: ClassVar[bool] = True

    name: Literal["lars"] = "lars"
    trust_coefficient: float = Field(
        0.001,
        gt=0,
        le=LARGEST_NUMBER,
        description="eta in the trust ratio eta |w| / (|g| + wd |w| + trust_eps).",
    )
    trust_eps: float = Field(
        0.0, ge=0, le=LARGEST_NUMBER, description="Added to the trust ratio's denominator."
    )
    max_trust_ratio: Optional[float] = Field(
        None, gt=0, le=LARGEST_NUMBER, description="Upper bound of the trust ratio."
    )
    larc_clip: bool = Field(
        False, description="The rate is the smaller of learning rate and trust ratio, not their product."
    )
    scale_norm_and_bias: bool = Field(
        False, description="Whether gamma, beta and biases have a trust ratio as well."
    )

    def build(self, learning_rate: float, net: gluon.Block) -> LARS:
        """LARS with these values."""
        from gluonlab.optim.lars import LARS

        return LARS(
            learning_rate,
            self.momentum,
            self.weight_decay,
            self.momentum_correction,
            trust_coefficient=self.trust_coefficient,
            trust_eps=self.trust_eps,
            max_trust_ratio=self.max_trust_ratio,
            larc_clip=self.larc_clip,
            scale_norm_and_bias=self.scale_norm_and_bias,
        )
