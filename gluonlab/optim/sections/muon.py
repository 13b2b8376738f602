"""The keys of Muon, and of the rule of all that it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.errors import ConfigError
from gluonlab.optim.sections.base import DecoupledSection, Momentum
from gluonlab.section import LARGEST_NUMBER, SMALLEST_EPS, OneOf, Section

if TYPE_CHECKING:
    from gluonlab.optim.base import Optimizer
    from gluonlab.optim.muon import Muon
    from gluonlab.runtime.mxnet import gluon


class RestSection(Section):
    """What Muon leaves to another rule: norms, biases, and the weights that it does not take."""

    name: str
    lr: Optional[float] = Field(
        None,
        gt=0,
        le=LARGEST_NUMBER,
        description="Its rate where the other one is schedule.base_lr; it follows the same schedule. Default "
        "the same rate.",
    )
    weight_decay: float = Field(
        0.0, ge=0, lt=1, description="`nag`: L2 penalty; `adamw`: decoupled, times the rate."
    )

    def build(self, learning_rate: float) -> Optimizer:
        """The rule of the rest."""
        raise NotImplementedError


class RestNAGSection(RestSection):
    """SGD with Nesterov's momentum."""

    name: Literal["nag"] = "nag"
    momentum: Momentum = 0.9

    def build(self, learning_rate: float) -> Optimizer:
        """NAG with these values."""
        from gluonlab.optim.momentum import NAG

        return NAG(learning_rate, self.momentum, self.weight_decay)


class RestAdamWSection(RestSection):
    """Adam with decoupled weight decay."""

    name: Literal["adamw"] = "adamw"
    beta1: float = Field(0.9, ge=0, le=0.99999, description="Weight of the past in the mean.")
    beta2: float = Field(0.999, ge=0, le=0.99999, description="Weight of the past in the mean of squares.")
    eps: float = Field(1e-8, ge=SMALLEST_EPS, le=LARGEST_NUMBER, description="Added to the root.")

    def build(self, learning_rate: float) -> Optimizer:
        """AdamW with these values."""
        from gluonlab.optim.adam import AdamW

        return AdamW(learning_rate, self.weight_decay, beta1=self.beta1, beta2=self.beta2, eps=self.eps)


RESTS = {"nag": f"{__name__}.RestNAGSection", "adamw": f"{__name__}.RestAdamWSection"}


class MuonSection(DecoupledSection):
    """Orthogonalised momentum (Jordan et al. 2024)."""

    arrays: ClassVar[int] = 2  # the directions, whose norms are taken, as well

    name: Literal["muon"] = "muon"
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="Decoupled from the gradient, times the rate; of its matrices only, see "
        "rest.weight_decay.",
    )
    momentum: Momentum = 0.9
    matrices: Literal["hidden", "filters", "all"] = Field(
        "hidden",
        description="What takes it. `hidden`: weights of two dimensions or more but the first and the "
        "classifier; `filters`: those of convolutions; `all`. Never depthwise filters. The others take rest.",
    )
    newton_schulz_steps: int = Field(
        5, ge=1, le=20, description="Of the iteration that makes singular values nearly 1."
    )
    shape_factor: Literal["none", "aspect", "rms"] = Field(
        "aspect",
        description="Of the rate, by the matrix (out, in * height * width): `aspect` is "
        "sqrt(max(1, rows / columns)), `rms` 0.2 sqrt(max(rows, columns)), which suits rates of adamw.",
    )
    normalize_filters: bool = Field(
        False,
        description="Bring each weight to the norm sqrt(out) before each step, as the speedrun does; "
        "weight_decay does not apply then.",
    )
    rest: Annotated[RestSection, OneOf(RESTS, default="nag")] = Field(
        RestNAGSection(), description="The rule of all other parameters."
    )

    def _problems(self) -> Iterator[str]:
        if self.normalize_filters and self.weight_decay:
            yield "weight_decay does nothing to weights of a fixed norm; leave it out, or normalize_filters"

    def build(self, learning_rate: float, net: gluon.Block) -> Muon:
        """Muon with these values."""
        from gluonlab.optim.matrices import names_of_matrices
        from gluonlab.optim.muon import Muon

        matrices = names_of_matrices(net, self.matrices)
        if not matrices:
            what = f"the network has no trained weight that {self.matrices!r} means"
            raise ConfigError(
                "CFG33", "optimizer.matrices", what, "choose another value, or another optimizer"
            )
        rest_lr = self.rest.lr or learning_rate
        return Muon(
            learning_rate,
            self.momentum,
            self.weight_decay,
            self.rest.build(rest_lr),
            rest_lr_ratio=rest_lr / learning_rate,
            matrices=matrices,
            steps=self.newton_schulz_steps,
            shape_factor=self.shape_factor,
            normalizes=self.normalize_filters,
        )
