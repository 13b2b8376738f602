"""Configurations to rows of a result, on all processes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from gluonlab.bench.result import Result
from gluonlab.build.benchmark import benchmark_run, multiply_adds
from gluonlab.cli.bench.session import is_oversubscribed, show
from gluonlab.cli.bench.tables import format_throughput
from gluonlab.config.schema import Config
from gluonlab.parallel.world import SingleProcess, World

if TYPE_CHECKING:
    from gluonlab.bench.report import Mode
    from gluonlab.bench.throughput import Measurement, Plan


@dataclass(frozen=True)
class Conditions:
    """How configurations are measured: the same for all rows of a result."""

    mode: Mode
    threads: int
    plan: Plan
    backend: str
    engines: Sequence[Optional[str]] = (None,)
    is_independent: bool = False
    with_peak: bool = True
    profile: Optional[Path] = None


def measure(configs: list[Config], world: World, result: Result, conditions: Conditions) -> list[Measurement]:
    """A row for each configuration and engine; what an interrupted ``result`` has is shown, and marked."""
    is_crowded = is_oversubscribed(world, conditions.threads)
    try:
        measurements = [
            _measure_one(config, engine, world, result, conditions, is_crowded=is_crowded)
            for config in configs
            for engine in conditions.engines
        ]
    except KeyboardInterrupt:
        if world.rank == 0 and result.rows:
            show(result, format_throughput(result.rows), None)
        raise
    result.finish()
    return measurements


def _measure_one(
    config: Config,
    engine: Optional[str],
    world: World,
    result: Result,
    conditions: Conditions,
    *,
    is_crowded: bool,
) -> Measurement:
    from gluonlab.bench.machine import reset_peak_memory
    from gluonlab.bench.report import Subject, measure_subject
    from gluonlab.build.device import MXNET

    reset_peak_memory()
    run_world = SingleProcess() if conditions.is_independent else world
    run = benchmark_run(config, run_world, has_gradients=conditions.mode == "training")
    subject = Subject(
        model=config.model.name,
        mode=conditions.mode,
        precision=config.precision,
        batch=config.worker_size,
        image_size=config.data.image_size,
        data=config.data.name,
        data_threads=config.data.threads,
        processes=world.size,
        threads=conditions.threads,
        is_independent=conditions.is_independent,
        is_oversubscribed=is_crowded,
        backend=conditions.backend if world.size > 1 else None,
        engine=engine or (run.engine if run.engine != MXNET else None),
    )
    row, measurement = measure_subject(
        subject,
        run,
        world,
        conditions.plan,
        multiply_adds(config),
        partial(result.put, subject.name, is_complete=False),
        with_peak=conditions.with_peak,
        profile=conditions.profile,
    )
    result.put(subject.name, row)
    return measurement
