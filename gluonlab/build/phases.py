"""Configuration to what a run changes on its way: phases, and the averaging of weights at its end."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, Optional

from gluonlab.build.data import build_unmixed_loader
from gluonlab.build.network import build_train_loss
from gluonlab.config.schema import Config
from gluonlab.data.loader import Loader
from gluonlab.data.source import Source
from gluonlab.epochs import Epochs
from gluonlab.optim.averaging import StochasticWeightAverage, WeightAverage
from gluonlab.optim.sections.averaging import SWASection
from gluonlab.optim.sections.schedule_free import AverageSection
from gluonlab.parallel.virtual_workers import VirtualWorkers
from gluonlab.parallel.world import World
from gluonlab.task import Classification
from gluonlab.training.network import Network
from gluonlab.training.phase import Phase
from gluonlab.training.weight_averaging import WeightAveraging


def build_workers(config: Config, network: Network, world: World) -> VirtualWorkers:
    """The virtual workers of ``config``, a recipe as it holds in one phase."""
    return VirtualWorkers(
        network,
        world,
        config.global_batch_size,
        config.worker_size,
        deterministic=config.deterministic,
        wire_dtype=config.wire_precision,
        seed=config.seed,
        noise_every=config.noise_every,
        seed_network=network.seed,
    )


def build_phases(
    config: Config,
    calendar: Epochs,
    network: Network,
    world: World,
    make_loader: Callable[[Config], Loader],
) -> list[Phase]:
    """One for each phase of the recipe and one for what comes before; none where nothing changes.

    ``make_loader`` makes the training batches of a recipe as it holds in one phase.
    """
    if not config.phases:
        return []
    ends = [calendar.first_step_of(phase.from_epoch) for phase in config.phases]
    return [
        Phase(
            end_step=end_step,
            global_batch_size=changed.global_batch_size,
            make_workers=partial(build_workers, changed, network, world),
            loader=make_loader(changed),
            task=Classification(build_train_loss(changed)),
            weight_decay=changed.optimizer.weight_decay,
        )
        for end_step, changed in zip([*ends, calendar.total_steps(config.epochs)], config.in_phases())
    ]


def build_averaging(
    config: Config, calendar: Epochs, average: Optional[WeightAverage], source: Optional[Source], ctx: Any
) -> Optional[WeightAveraging]:
    """When the statistics of an average are made anew, and weights taken in; None if they never are."""
    if not isinstance(average, StochasticWeightAverage):
        return None
    if isinstance(config.averaging, SWASection):
        wanted = config.averaging.statistics_samples
        steps = config.averaging.steps(calendar, config.epochs)
    else:
        assert isinstance(config.optimizer, AverageSection)
        wanted, steps = config.optimizer.statistics_samples, validation_steps(config, calendar)
    return WeightAveraging(
        average,
        steps,
        loader=build_unmixed_loader(config.in_phases()[-1], source, ctx),
        num_samples=calendar.num_samples,
        samples=min(wanted or calendar.num_samples, calendar.num_samples),
        seed=config.seed,
    )


def validation_steps(config: Config, calendar: Epochs) -> list[int]:
    """Those that a run is validated at."""
    end, every = calendar.total_steps(config.epochs), config.eval_every
    intervals = range(1, math.ceil(config.epochs / every) + 1)
    steps = {calendar.first_step_of(number * every) for number in intervals}
    return sorted({step for step in steps if 0 < step < end} | {end})
