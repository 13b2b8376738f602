"""The section of a recipe that says the learning rate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Optional

from pydantic import Field, field_validator

from gluonlab.section import LARGEST_NUMBER, Section

_USED_BY = {
    "milestones": ("multistep",),
    "factor": ("multistep",),
    "power": ("polynomial",),
    "final_lr": ("cosine", "polynomial", "linear"),
    "decay_from": ("cosine", "polynomial", "linear"),
    "decay_until": ("cosine", "polynomial", "linear"),
    "boundaries": ("piecewise",),
    "factors": ("piecewise",),
}


class ScheduleSection(Section):
    """The learning rate as a function of the step."""

    name: Literal["constant", "multistep", "cosine", "polynomial", "linear", "piecewise"] = Field(
        description="Shape after warm-up."
    )
    base_lr: float = Field(gt=0, le=LARGEST_NUMBER, description="Rate for a batch of base_batch_size.")
    base_batch_size: int = Field(256, ge=1, description="The batch that base_lr is quoted for, in images.")
    scaling: Literal["linear", "sqrt", "none"] = Field(
        "linear", description="How the rate grows with global_batch_size / base_batch_size; gives peak_lr."
    )
    warmup: Literal["gradual", "constant", "exponential", "quadratic"] = Field(
        "gradual",
        description="From init_lr to peak_lr: `gradual` on a straight line, `quadratic` on a parabola that "
        "starts flat, `exponential` by equal factors, `constant` with a jump at the end.",
    )
    warmup_epochs: float = Field(
        0.0, ge=0, description="Length of the warm-up, in epochs; need not be whole."
    )
    init_lr: Optional[float] = Field(
        None,
        ge=0,
        le=LARGEST_NUMBER,
        description="Rate at step 0 of the warm-up; default base_lr, at most peak_lr.",
    )
    milestones: Optional[list[float]] = Field(
        None,
        description="multistep: epochs, counted from the start of training, from which on the rate drops.",
    )
    factor: Optional[float] = Field(
        None, gt=0, le=1, description="multistep: factor of each drop; default 0.1."
    )
    power: Optional[float] = Field(None, gt=0, le=100, description="polynomial: exponent; default 2.")
    final_lr: Optional[float] = Field(
        None, ge=0, le=LARGEST_NUMBER, description="cosine, polynomial, linear: rate at the end; default 0."
    )
    decay_from: Optional[Literal["warmup_end", "start"]] = Field(
        None,
        description="cosine, polynomial, linear: where the curve begins; default `warmup_end`. With `start` "
        "the warm-up only replaces its beginning.",
    )
    decay_until: Optional[float] = Field(
        None,
        gt=0,
        description="cosine, polynomial, linear: epoch at which final_lr is reached; default the end.",
    )
    boundaries: Optional[list[float]] = Field(None, description="piecewise: epochs between the pieces.")
    factors: Optional[list[float]] = Field(
        None, description="piecewise: factor on peak_lr of each piece, one more than boundaries."
    )

    @field_validator("milestones", "boundaries")
    @classmethod
    def _ascend(cls, value: Optional[list[float]]) -> Optional[list[float]]:
        if value is not None and (value != sorted(set(value)) or any(epoch <= 0 for epoch in value)):
            raise ValueError(f"epochs must be positive and ascend, got {value}")
        return value

    def _problems(self) -> Iterator[str]:
        for key, users in _USED_BY.items():
            if getattr(self, key) is not None and self.name not in users:
                yield f"{key} is not used by {self.name!r}; leave it out, or override it with {key}=null"
        for key in ("milestones", "boundaries"):
            if any(epoch < self.warmup_epochs for epoch in getattr(self, key) or []):
                yield f"{key} must not lie within the warm-up of {self.warmup_epochs:g} epochs"
        if self.decay_until is not None and self.decay_until <= self.warmup_epochs:
            yield f"decay_until must come after the warm-up of {self.warmup_epochs:g} epochs"
        if self.name == "multistep" and not self.milestones:
            yield "multistep needs milestones"
        if self.name == "piecewise" and len(self.factors or []) != len(self.boundaries or []) + 1:
            yield "piecewise needs factors, one more than boundaries"
        if any(factor < 0 for factor in self.factors or []):
            yield f"factors must not be negative, got {self.factors}"
        if self.warmup == "exponential" and self.init_lr == 0:
            yield "exponential warm-up needs init_lr > 0"

    def problems_within(self, epochs: float) -> Iterator[str]:
        """What does not fit into ``epochs``, which it is for."""
        if (self.decay_until or 0) > epochs:
            yield f"decay_until {self.decay_until:g} lies beyond the end of training, epoch {epochs:g}"
        if self.warmup_epochs >= epochs:
            yield f"warmup_epochs {self.warmup_epochs:g} must be shorter than epochs {epochs:g}"
        for key in ("milestones", "boundaries"):
            late = [epoch for epoch in getattr(self, key) or [] if epoch >= epochs]
            if late:
                yield f"{key} {late} lie at or beyond the end of training, epoch {epochs:g}"
