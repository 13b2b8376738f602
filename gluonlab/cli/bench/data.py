"""``gluonlab bench data``: how many images a second the loader delivers, with nothing done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.build.benchmark import benchmark_config
from gluonlab.cli.bench.measuring import Conditions, measure
from gluonlab.cli.bench.session import (
    BACKEND_OPTION,
    PLOT_OPTION,
    PROCESSES_OPTION,
    THREADS_OPTION,
    Backend,
    check_targets,
    is_started_elsewhere,
    join_with_threads,
    leave,
    numbers,
    open_result,
    show,
)
from gluonlab.cli.bench.tables import format_throughput
from gluonlab.cli.output import JSON_OPTION
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError


def data(
    recipe: str = typer.Argument(..., metavar="CONFIG", help="Recipe, whose data section is measured."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    batch: Optional[int] = typer.Option(None, "--batch", min=1, help="Default: the recipe's worker batch."),
    loader_threads: Optional[str] = typer.Option(
        None, "--loader-threads", metavar="N[,N...]", help="Values of data.threads; default: the recipe's."
    ),
    processes: int = PROCESSES_OPTION,
    backend: Backend = BACKEND_OPTION,
    threads: Optional[int] = THREADS_OPTION,
    blocks: int = typer.Option(10, "--blocks", min=1, help="Blocks."),
    steps: Optional[int] = typer.Option(
        None, "--steps", min=1, help="Batches of a block; default: 2 seconds."
    ),
    plot: Optional[Path] = PLOT_OPTION,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure reading, decoding, augmenting, copying.

    Example: gluonlab bench data recipe:digits --loader-threads 1,2
    """
    check_targets(json_target, plot)
    configs = _configs(recipe, overrides or [], batch, loader_threads, processes)
    if is_started_elsewhere(processes, backend):
        return
    world, chosen = join_with_threads(threads)
    from gluonlab.bench.throughput import Plan

    result = open_result("data", json_target, world.rank)
    measure(configs, world, result, Conditions("loading", chosen, Plan(2, blocks, steps), backend.value))
    if world.rank == 0:
        show(result, format_throughput(result.rows), json_target, plot)
    leave(world)


def _configs(
    recipe: str, overrides: list[str], batch: Optional[int], loader_threads: Optional[str], processes: int
) -> list[Config]:
    counts = numbers(loader_threads, "--loader-threads") if loader_threads else []
    settings = [[f"data.threads={count}"] for count in counts] or [[]]
    configs = [
        benchmark_config(recipe, [*setting, *overrides], processes=processes, batch=batch)
        for setting in settings
    ]
    if configs[0].data.name == "synthetic":
        raise ConfigError("CLI02", recipe, "has synthetic data, of which nothing is loaded")
    return configs
