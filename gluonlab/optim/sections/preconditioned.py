"""The keys of Shampoo and SOAP, which look at what rows and columns of a gradient share."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gluonlab.optim.sections.base import AdamSection, DecoupledSection, Momentum
from gluonlab.section import LARGEST_NUMBER, Section

if TYPE_CHECKING:
    from gluonlab.optim.shampoo import Shampoo
    from gluonlab.optim.soap import SOAP
    from gluonlab.runtime.mxnet import gluon


class SidesSection(Section):
    """Which matrices are kept, and how often something is computed of them."""

    precondition_every: int = Field(
        10, ge=1, description="Updates between two computations of roots or bases, on the host."
    )
    max_side: int = Field(
        1024, ge=1, description="Longest side of a matrix that has one; others are left alone."
    )


class ShampooSection(SidesSection, DecoupledSection):
    """Gradients times roots of what their rows and columns share (Gupta et al. 2018)."""

    arrays: ClassVar[int] = 2  # the directions, whose norms are taken, as well
    keeps_matrices: ClassVar[bool] = True

    name: Literal["shampoo"] = "shampoo"
    momentum: Momentum = 0.9
    beta2: float = Field(
        0.999, ge=0, le=0.99999, description="Weight of the past in the mean of products of gradients."
    )
    damping: float = Field(
        1e-4,
        ge=1e-12,
        le=LARGEST_NUMBER,
        description="Share of the largest eigenvalue that is added to all of them.",
    )

    def build(self, learning_rate: float, net: gluon.Block) -> Shampoo:
        """Shampoo with these values."""
        from gluonlab.optim.shampoo import Shampoo

        return Shampoo(
            learning_rate,
            self.momentum,
            self.weight_decay,
            beta2=self.beta2,
            damping=self.damping,
            precondition_every=self.precondition_every,
            max_side=self.max_side,
        )


class SOAPSection(SidesSection, AdamSection):
    """Adam in the eigenbasis of what rows and columns of gradients share (Vyas et al. 2024)."""

    keeps_matrices: ClassVar[bool] = True

    name: Literal["soap"] = "soap"

    def build(self, learning_rate: float, net: gluon.Block) -> SOAP:
        """SOAP with these values."""
        from gluonlab.optim.soap import SOAP

        return SOAP(
            learning_rate,
            self.weight_decay,
            beta1=self.beta1,
            beta2=self.beta2,
            eps=self.eps,
            precondition_every=self.precondition_every,
            max_side=self.max_side,
        )
