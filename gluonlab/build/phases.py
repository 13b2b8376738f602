"""Configuration to the phases of a run."""

from __future__ import annotations

from functools import partial
from typing import Any, Optional

from gluonlab.build.data import build_train_loader
from gluonlab.build.network import build_train_loss
from gluonlab.config.schema import Config
from gluonlab.data.source import Source
from gluonlab.epochs import Epochs
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import World
from gluonlab.runtime.mxnet import gluon
from gluonlab.training.phase import Phase


def build_workers(config: Config, net: gluon.Block, world: World) -> VirtualWorkers:
    """The virtual workers of ``config``, a recipe as it holds in one phase."""
    return VirtualWorkers(
        net,
        world,
        config.global_batch_size,
        config.worker_size,
        deterministic=config.deterministic,
        wire_dtype=config.wire_precision,
        seed=config.seed,
    )


def build_phases(
    config: Config, calendar: Epochs, net: gluon.Block, world: World, source: Optional[Source], ctx: Any
) -> list[Phase]:
    """One for each phase of the recipe and one for what comes before; none where nothing changes."""
    if not config.phases:
        return []
    ends = [calendar.first_step_of(phase.from_epoch) for phase in config.phases]
    return [
        Phase(
            end_step=end_step,
            global_batch_size=changed.global_batch_size,
            make_workers=partial(build_workers, changed, net, world),
            loader=build_train_loader(changed, source, ctx),
            loss_fn=build_train_loss(changed),
            weight_decay=changed.optimizer.weight_decay,
        )
        for end_step, changed in zip([*ends, calendar.total_steps(config.epochs)], config.in_phases())
    ]
