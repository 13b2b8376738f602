"""The keys of LAMB."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.optim.sections.base import AdamSection
from gluonlab.section import LARGEST_NUMBER

if TYPE_CHECKING:
    from gluonlab.optim.lamb import LAMB
    from gluonlab.runtime.mxnet import gluon


class LAMBSection(AdamSection):
    """Adam with a rate for each layer (You et al. 2020)."""

    arrays: ClassVar[int] = 3  # the directions, whose norms are taken, as well

    name: Literal["lamb"] = "lamb"
    bias_correction: bool = Field(
        True, description="Correct both means for their start at 0; the authors' code does not."
    )
    min_trust_ratio: float = Field(
        0.0, ge=0, le=LARGEST_NUMBER, description="Lower bound of the trust ratio |w| / |update|."
    )
    max_trust_ratio: Optional[float] = Field(
        None, gt=0, le=LARGEST_NUMBER, description="Upper bound of the trust ratio."
    )
    scale_norm_and_bias: bool = Field(
        False, description="Whether gamma, beta and biases have a trust ratio as well."
    )
    scale_bias: Optional[bool] = Field(
        None, description="Whether biases have a trust ratio, where that differs from scale_norm_and_bias."
    )

    @property
    def scales_bias(self) -> bool:
        """Whether biases have a trust ratio."""
        return self.scale_norm_and_bias if self.scale_bias is None else self.scale_bias

    def _problems(self) -> Iterator[str]:
        if self.max_trust_ratio is not None and self.max_trust_ratio < self.min_trust_ratio:
            yield (
                f"max_trust_ratio {self.max_trust_ratio:g} is below min_trust_ratio {self.min_trust_ratio:g}"
            )

    def build(self, learning_rate: float, net: gluon.Block) -> LAMB:
        """LAMB with these values."""
        from gluonlab.optim.lamb import LAMB

        return LAMB(
            learning_rate,
            self.weight_decay,
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            bias_correction=self.bias_correction,
            min_trust_ratio=self.min_trust_ratio,
            max_trust_ratio=self.max_trust_ratio,
            scale_norm=self.scale_norm_and_bias,
            scale_bias=self.scales_bias,
        )
