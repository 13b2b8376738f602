"""The sections of a recipe that say what it is about, and which network it trains.

Every key has a type, a range and a description with its unit; unknown keys are refused. The field
descriptions are the reference in ``docs/configuration.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Optional

from pydantic import Field

from gluonlab.section import Section


class About(Section):
    """Where the recipe comes from and what it should reach."""

    paper: str = Field("", description="Authors and year.")
    source: str = Field("", description="Where the values were taken from.")
    expects: dict[str, float] = Field(
        default_factory=dict, description="Results it should reach, top1 as a fraction."
    )
    hardware: str = Field("", description="What the source ran it on, and for how long.")
    not_published: str = Field(
        "", description="Values the source does not give, and what stands in for them."
    )
    notes: str = Field("", description="Anything else a reader should know.")


class Model(Section):
    """The network."""

    name: str = Field(description="A name that `gluonlab models list` shows.")
    zero_last_gamma: bool = Field(
        False, description="Start each residual branch at zero (Goyal et al. 2017, section 5.1)."
    )
    bn_momentum: Optional[float] = Field(
        None,
        ge=0,
        lt=1,
        description="Weight of the past in BatchNorm's running statistics; default the model's own.",
    )
    dropout: Optional[float] = Field(
        None,
        ge=0,
        lt=1,
        description="Share of the features that training leaves out in front of the classifier; default the "
        "model's own.",
    )
    stochastic_depth: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Probability of leaving out the last residual branch; that of the others rises to it in "
        "equal steps (Huang et al. 2016).",
    )
    fixed_gamma: bool = Field(False, description="BatchNorm keeps gamma at 1.")
    identity_start: bool = Field(
        False,
        description="Convolutions of stride 1 begin by passing their inputs on, as far as they have outputs "
        "for them; the first layer does not.",
    )
    whitening: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Training images whose patches the first layer is made to whiten before it is frozen; it "
        "needs twice as many filters as a patch has values (speednet94). 0: it starts at random and learns.",
    )
    logit_scale: float = Field(1.0, gt=0, le=1000, description="Factor on the classifier's results.")
    pretrained: Optional[str] = Field(
        None,
        description="Weights to start from: a file of torchvision, timm, GluonCV or Gluon, a model folder, a "
        "checkpoint, or `store:NAME`.",
    )
    pretrained_weights: Optional[Literal["raw", "average"]] = Field(
        None,
        description="Which to take where `pretrained` holds weights and their average; default the average.",
    )
    new_head: bool = Field(
        False, description="Start with a new classifier if that of `pretrained` is for other classes."
    )
    freeze: Literal["none", "features"] = Field(
        "none",
        description="`features`: only the classifier is trained; BatchNorm keeps its running statistics.",
    )

    def _problems(self) -> Iterator[str]:
        for key in ("identity_start", "whitening"):
            if self.pretrained is not None and getattr(self, key):
                yield f"{key} does not go with pretrained, which brings the weights to start from"
        for key in ("pretrained_weights", "new_head", "freeze"):
            if self.pretrained is None and getattr(self, key) != type(self).model_fields[key].default:
                yield f"{key} needs pretrained, the weights to start from"
