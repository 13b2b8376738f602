"""The keys of a group of parameters that learns at another rate, or decays otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from pydantic import Field

from gluonlab.section import LARGEST_NUMBER, Section


class GroupSection(Section):
    """Parameters with a rate and a decay of their own; each parameter is in one group at most."""

    match: str = Field(
        min_length=1,
        description="`biases`, `norms` (gamma and beta), `head` (the classifier), or names of parameters as "
        "in a checkpoint, with `*` and `?`: `stage1.*.weight`.",
    )
    lr: float = Field(1.0, ge=0, le=LARGEST_NUMBER, description="Their rate, as a multiple of that of all.")
    weight_decay: float = Field(
        1.0, ge=0, le=LARGEST_NUMBER, description="Their decay, as a multiple of weight_decay."
    )
    until_epoch: Optional[float] = Field(
        None,
        gt=0,
        description="They learn until this epoch: the whole schedule in so many epochs, then a rate of 0.",
    )

    def _problems(self) -> Iterator[str]:
        if self.lr == self.weight_decay == 1 and self.until_epoch is None:
            yield "changes nothing; state lr, weight_decay or until_epoch"
