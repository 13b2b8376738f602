"""The sections of a recipe that change it from an epoch on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Optional

from pydantic import Field

from gluonlab.config.regularisation import Mixing
from gluonlab.data.sections.base import Augmentation
from gluonlab.schedules import SCHEDULES
from gluonlab.schedules.sections import ScheduleSection
from gluonlab.section import OneOf, Section

Tree = dict[str, Any]


class DataChange(Section):
    """Keys of ``data`` that may change; validation stays as it is."""

    image_size: Optional[int] = Field(None, ge=1, le=4096)
    augment: Optional[Augmentation] = None
    pad: Optional[int] = Field(None, ge=0, le=64)
    min_area: Optional[float] = Field(None, gt=0, le=1)


class OptimizerChange(Section):
    """Keys of ``optimizer`` that may change."""

    weight_decay: Optional[float] = Field(None, ge=0, le=1000)


class Phase(Section):
    """What holds from an epoch on, until a later phase says otherwise: keys of the recipe by their names.

    With ``last_batch: drop`` the batch can change at whole epochs only.
    """

    from_epoch: float = Field(
        gt=0, description="Its first update is the first one that starts at or after this epoch."
    )
    until_epoch: Optional[float] = Field(
        None, description="Where the next phase, or the end, must be if it is given; for readers."
    )
    global_batch_size: Optional[int] = Field(
        None,
        ge=1,
        description="More or fewer virtual workers of worker_batch_size each; the rate does not follow "
        "(Smith et al. 2018).",
    )
    label_smoothing: Optional[float] = Field(None, ge=0, lt=1, description="As in the recipe.")
    data: DataChange = Field(
        DataChange(), description="Any of image_size (that of validation stays), augment, pad, min_area."
    )
    optimizer: OptimizerChange = Field(OptimizerChange(), description="weight_decay.")
    mixing: Optional[Mixing] = Field(None, description="The whole section, as it is from then on.")
    schedule: Optional[Annotated[ScheduleSection, OneOf(SCHEDULES)]] = Field(
        None,
        description="Another one, whose epochs count from from_epoch; scaled to the batch of the phase.",
    )

    def changes(self) -> Tree:
        """What differs from the recipe before, as a tree of keys, without the schedule."""
        tree = self.model_dump(exclude={"from_epoch", "until_epoch", "schedule"})
        return _without_none(tree)

    def _problems(self) -> Iterator[str]:
        if not self.changes() and self.schedule is None:
            yield "changes nothing; state what is different from from_epoch on"


def problems_of_order(phases: Sequence[Phase], epochs: float) -> Iterator[str]:
    """Phases that overlap, leave a gap, or lie beyond ``epochs``, with their keys."""
    starts = [phase.from_epoch for phase in phases]
    for number, (phase, following) in enumerate(zip(phases, [*starts[1:], epochs])):
        is_last = number == len(phases) - 1
        ends_at = f"the end of training, epoch {epochs:g}" if is_last else f"phases.{number + 1}.from_epoch"
        if is_last and phase.from_epoch >= epochs:
            yield f"phases.{number}.from_epoch {phase.from_epoch:g} lies at or beyond {ends_at}"
        elif phase.from_epoch >= following:
            yield (
                f"phases.{number}.from_epoch {phase.from_epoch:g} does not come before "
                f"phases.{number + 1}.from_epoch {following:g}: they overlap"
            )
        elif phase.until_epoch is not None and phase.until_epoch != following:
            what = "they overlap" if phase.until_epoch > following else "that leaves a gap"
            key = f"phases.{number}.until_epoch"
            yield f"{key} {phase.until_epoch:g} is not {ends_at} ({following:g}): {what}"


def merge_changes(tree: Tree, changes: Tree) -> Tree:
    """``tree`` with ``changes`` to some of its keys."""
    merged = dict(tree)
    for key, value in changes.items():
        merged[key] = merge_changes(tree[key], value) if isinstance(value, dict) else value
    return merged


def _without_none(tree: Tree) -> Tree:
    kept = {key: _without_none(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in kept.items() if value is not None and value != {}}
