"""``gluonlab bench throughput``: images per second of a model or a recipe."""

from __future__ import annotations

import os
import sys
from enum import Enum
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
    names,
    numbers,
    open_result,
    show,
)
from gluonlab.cli.bench.sweeps import sweep_batch, sweep_threads
from gluonlab.cli.bench.tables import format_throughput
from gluonlab.cli.output import JSON_OPTION
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError
from gluonlab.inference import ENGINES

_SWEEPS = {"--sweep-threads": 0, "--sweep-batch": 0, "--json": 1, "--plot": 1, "--memory": 1, "--format": 1}
THREAD_SWEEP_OPTIONS = {**_SWEEPS, "--threads": 1}
BATCH_SWEEP_OPTIONS = {**_SWEEPS, "--batch": 1}


class Format(str, Enum):
    """How the result is printed."""

    table = "table"
    tf_cnn = "tf_cnn"


class Precision(str, Enum):
    """Type that the network computes in."""

    float32 = "float32"
    bfloat16 = "bfloat16"
    float16 = "float16"


_INDEPENDENT = typer.Option(
    False, "--independent", help="Processes run side by side and send nothing: what -n reaches at best."
)
_PEAK = typer.Option(True, "--peak/--no-peak", help="Compare with the best matrix multiply of this machine.")
_MEMORY = typer.Option(
    None, "--memory", min=0.1, help="GiB that --sweep-batch may fill; default: most of what is free."
)
_TIMELINE = typer.Option(None, "--timeline", help="Write Horovod's timeline (Chrome trace).")
_PROFILE = typer.Option(
    None, "--profile", help="Write MXNet's profile of a few steps of rank 0 (Chrome trace)."
)
_ENGINE = typer.Option(
    None, "--engine", metavar="NAME[,NAME...]", help="With --inference: mxnet, fused, int8, onnxruntime."
)
_BATCH = typer.Option(
    None, "--batch", metavar="N[,N...]", help="Images per process and step; default: the recipe's, or 8."
)


def throughput(
    target: str = typer.Argument(..., metavar="MODEL|CONFIG", help="Model of the zoo, or a recipe (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    batch: Optional[str] = _BATCH,
    image_size: Optional[int] = typer.Option(None, "--image-size", min=1, help="Pixels."),
    precision: Optional[Precision] = typer.Option(None, "--precision", help="Default: float32."),
    is_inference: bool = typer.Option(False, "--inference", help="Forward passes only."),
    engine: Optional[str] = _ENGINE,
    is_independent: bool = _INDEPENDENT,
    processes: int = PROCESSES_OPTION,
    backend: Backend = BACKEND_OPTION,
    threads: Optional[int] = THREADS_OPTION,
    warmup: int = typer.Option(5, "--warmup", min=1, help="Steps before the first block."),
    blocks: int = typer.Option(10, "--blocks", min=1, help="Blocks, with one wait for the device each."),
    steps: Optional[int] = typer.Option(None, "--steps", min=1, help="Steps of a block; default: 2 seconds."),
    with_peak: bool = _PEAK,
    is_batch_sweep: bool = typer.Option(False, "--sweep-batch", help="Find the largest batch that fits."),
    memory_gib: Optional[float] = _MEMORY,
    is_thread_sweep: bool = typer.Option(False, "--sweep-threads", help="Find the best number of threads."),
    timeline: Optional[Path] = _TIMELINE,
    profile: Optional[Path] = _PROFILE,
    form: Format = typer.Option(Format.table, "--format", help="tf_cnn: as tf_cnn_benchmarks prints it."),
    plot: Optional[Path] = PLOT_OPTION,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure images per second, and what limits them.

    Example: gluonlab bench throughput resnet50_v1b --batch 8,16 -n 2 --json result.json
    """
    check_targets(json_target, plot)
    settings = [*(overrides or []), *(["ctx=cpu", "engine=mxnet"] if engine else [])]
    configs = _configs(target, settings, batch, image_size, precision, 1 if is_independent else processes)
    engines = _engines(engine, configs, is_inference=is_inference)
    if is_batch_sweep or is_thread_sweep:
        first_batch = None if is_thread_sweep else configs[0].worker_size
        _sweep(first_batch, processes, memory_gib, json_target, plot)
        return
    if timeline:
        os.environ["HOROVOD_TIMELINE"] = str(timeline.absolute())
    if is_started_elsewhere(processes, backend):
        return
    world, chosen_threads = join_with_threads(threads or configs[0].compute_threads, configs[0])
    from gluonlab.bench.throughput import Plan, tf_cnn_table

    result = open_result("throughput", json_target, world.rank)
    conditions = Conditions(
        "inference" if is_inference else "training",
        chosen_threads,
        Plan(warmup, blocks, steps),
        backend.value,
        engines,
        is_independent=is_independent,
        with_peak=with_peak,
        profile=profile if world.rank == 0 else None,
    )
    measurements = measure(configs, world, result, conditions)
    if world.rank == 0:
        tables = "\n".join(map(tf_cnn_table, measurements))
        show(result, tables if form is Format.tf_cnn else format_throughput(result.rows), json_target, plot)
    leave(world)


def _engines(chosen: Optional[str], configs: list[Config], *, is_inference: bool) -> list[Optional[str]]:
    """``mxnet,fused`` as a list; None alone where no engine was asked for."""
    if chosen is None:
        return [None]

    where = f"--engine {chosen}"
    if not is_inference:
        raise ConfigError("CLI02", where, "is for inference", "add --inference")
    if configs[0].precision != "float32":
        raise ConfigError("CLI02", where, f"takes float32, not {configs[0].precision}")
    return [*names(chosen, "--engine", ENGINES)]


def _configs(
    target: str,
    overrides: list[str],
    batches: Optional[str],
    image_size: Optional[int],
    precision: Optional[Precision],
    processes: int,
) -> list[Config]:
    sizes: list[Optional[int]] = [*numbers(batches, "--batch")] if batches else [None]
    return [
        benchmark_config(
            target,
            overrides,
            processes=processes,
            batch=size,
            image_size=image_size,
            precision=precision.value if precision else None,
        )
        for size in sizes
    ]


def _sweep(
    first_batch: Optional[int],
    processes: int,
    memory_gib: Optional[float],
    json_target: Optional[str],
    plot: Optional[Path],
) -> None:
    """Run the command again and again, without what the sweep itself decides; by threads if not by batch."""
    if first_batch is None:
        sweep_threads(_without(sys.argv[2:], THREAD_SWEEP_OPTIONS), processes, json_target, plot)
    else:
        sweep_batch(_without(sys.argv[2:], BATCH_SWEEP_OPTIONS), first_batch, memory_gib, json_target, plot)


def _without(arguments: list[str], options: dict[str, int]) -> list[str]:
    """``arguments`` without ``options``, each of which has so many values."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        name, _, value = word.partition("=")
        if name not in options:
            kept.append(word)
        elif not value:
            for _ in range(options[name]):
                next(words)
    return kept
