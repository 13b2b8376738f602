"""The section of a recipe that says which average of the weights is evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Optional

from pydantic import Field

from gluonlab.section import Section


class Averaging(Section):
    """An average of the weights, which is what validation evaluates."""

    name: Literal["none", "ema", "swa"] = Field(
        "none",
        description="`ema`: exponential moving average over updates, with the running statistics. `swa`: the "
        "mean of the weights at some epochs and at the end (Izmailov et al. 2018), its statistics made anew.",
    )
    decay: Optional[float] = Field(
        None, ge=0, lt=1, description="ema: weight of the past, at each update; 0.9999 is common."
    )
    decay_warmup: bool = Field(
        False, description="ema: at most (1 + t) / (10 + t) at update t, to forget the first weights soon."
    )

    from_epoch: Optional[float] = Field(
        None, gt=0, description="swa: the first epoch whose weights count; they are evaluated from then on."
    )
    every_epochs: float = Field(1.0, gt=0, description="swa: epochs between two weights that count.")
    statistics_samples: Optional[int] = Field(
        None,
        ge=1,
        description="swa: training images that each new mean computes its BatchNorm statistics from; default "
        "all of them, which costs as much as an epoch.",
    )

    def _problems(self) -> Iterator[str]:
        if self.name == "ema" and self.decay is None:
            yield "ema needs decay, 0.9999 for example"
        if self.name == "swa" and self.from_epoch is None:
            yield "swa needs from_epoch, at three quarters of the training for example"
        users = {
            "ema": ("decay", "decay_warmup"),
            "swa": ("from_epoch", "every_epochs", "statistics_samples"),
        }
        for user, keys in users.items():
            for key in keys:
                if self.name != user and getattr(self, key) != type(self).model_fields[key].default:
                    yield f"{key} is not used by {self.name!r}; leave it out, or set name to {user}"
