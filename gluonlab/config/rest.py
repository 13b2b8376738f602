"""The section of a recipe that says how the parameters are updated that Muon does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Optional

from pydantic import Field

from gluonlab.config.sections import LARGEST_NUMBER, SMALLEST_EPS, Section

_USED_BY = {"momentum": "nag", "beta1": "adamw", "beta2": "adamw", "eps": "adamw"}


class Rest(Section):
    """What Muon leaves to another rule: norms, biases, and the weights that it does not take."""

    name: Literal["nag", "adamw"] = Field("nag", description="The rule, as of optimizer.name.")
    lr: Optional[float] = Field(
        None,
        gt=0,
        le=LARGEST_NUMBER,
        description="Its rate where the other one is schedule.base_lr; it follows the same schedule. Default "
        "the same rate.",
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="nag: weight of the past in the momentum buffer.")
    weight_decay: float = Field(
        0.0, ge=0, lt=1, description="nag: L2 penalty; adamw: decoupled, times the rate."
    )
    beta1: float = Field(0.9, ge=0, le=0.99999, description="adamw: weight of the past in the mean.")
    beta2: float = Field(
        0.999, ge=0, le=0.99999, description="adamw: weight of the past in the mean of squares."
    )
    eps: float = Field(1e-8, ge=SMALLEST_EPS, le=LARGEST_NUMBER, description="adamw: added to the root.")

    def _problems(self) -> Iterator[str]:
        for key, user in _USED_BY.items():
            if self.name != user and getattr(self, key) != type(self).model_fields[key].default:
                yield f"{key} is not used by {self.name!r}; leave it out, or set name to {user}"
