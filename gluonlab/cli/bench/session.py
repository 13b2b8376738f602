"""What all measurements share: several processes of one command, the result file, numbers in options."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from enum import Enum
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.bench.result import Result
from gluonlab.checkout import git_commit
from gluonlab.cli.output import check_json_target, write_json
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError
from gluonlab.launch.job import run_job
from gluonlab.launch.plan import JobPlan
from gluonlab.parallel.environment import launched_process, set_cpu_threads
from gluonlab.parallel.joining import join_world
from gluonlab.parallel.world import World
from gluonlab.reporting.measured_pictures import check_picture_file, pictures_of, write_pictures
from gluonlab.supervision.line import launcher_line
from gluonlab.supervision.progress import Progress
from gluonlab.supervision.stop import StopRequest
from gluonlab.supervision.variables import COMMAND
from gluonlab.supervision.watchdog import Limits
from gluonlab.torch_engine import check_torch


class Backend(str, Enum):
    """How processes find each other."""

    mpi = "mpi"
    gloo = "gloo"
    kvstore = "kvstore"
    torch = "torch"


GRACE_SECONDS = 1.0
"""What a stopped job gets: what it has measured is in its file already."""

PROCESSES_OPTION = typer.Option(1, "-n", "--processes", min=1, help="Number of processes on this host.")
BACKEND_OPTION = typer.Option(
    Backend.mpi, "--backend", help="Horovod's, MXNet's kvstore, or torch.distributed."
)
PLOT_OPTION = typer.Option(None, "--plot", metavar="FILE", help="Draw the result (.png or .svg).")
THREADS_OPTION = typer.Option(
    None, "--threads", min=1, help="Compute threads of each process; default: its share of the cores."
)


def numbers(text: str, option: str) -> list[int]:
    """``8,16,32`` as numbers; ConfigError CLI02 for anything else."""
    try:
        values = [int(part) for part in text.split(",")]
    except ValueError:
        values = []
    if not values or min(values) < 1:
        raise ConfigError("CLI02", f"{option} {text}", "is not a list of positive numbers", "such as 8,16,32")
    return values


def names(text: str, option: str, known: Collection[str]) -> list[str]:
    """``mpi,gloo`` as names, each once; ConfigError CLI02 for one that is not ``known``."""
    chosen = list(dict.fromkeys(text.split(",")))
    unknown = [name for name in chosen if name not in known]
    if unknown:
        where = f"{option} {text}"
        raise ConfigError("CLI02", where, f"{unknown[0]!r} is not known", f"known are {', '.join(known)}")
    return chosen


def is_started_elsewhere(processes: int, backend: Backend) -> bool:
    """Run this command in ``processes`` processes and wait for them; False if it is one of them, or alone."""
    if processes == 1 or launched_process().size > 1:
        return False

    command = [sys.executable, "-m", "gluonlab.cli.main", *sys.argv[1:]]
    failure = run_job(JobPlan(command, processes, backend.value, limits=Limits(grace=GRACE_SECONDS)))
    if failure:
        raise failure.error
    return True


def join_with_threads(
    threads: Optional[int], config: Optional[Config] = None, engine: str = "mxnet"
) -> tuple[World, int]:
    """The world of this process, and its number of compute threads, fixed before MXNet is imported.

    Of the engine of ``config``, if there is one, which is loaded.
    """
    chosen = set_cpu_threads(threads, launched_process().local_size)

    progress, line = Progress(), launcher_line()
    if line:
        line.watch(progress, StopRequest())
    if config is None:
        if engine == "torch":
            check_torch()
        return join_world(progress, engine), chosen
    from gluonlab.build.device import load_engine

    return join_world(progress, load_engine(config)), chosen


def leave(world: World) -> None:
    """End the part of this process; its launcher, if there is one, learns that all went well."""
    world.shutdown()
    line = launcher_line()
    if line:
        line.leave()


def is_oversubscribed(world: World, threads: int) -> bool:
    """Whether there are fewer cores than threads of all processes here; rank 0 then warns."""
    from gluonlab.bench.machine import available_cores

    cores = available_cores()
    if world.local_size * threads <= cores:
        return False
    if world.rank == 0:
        typer.echo(
            f"warning: {world.local_size} process(es) x {threads} thread(s) on {cores} core(s): "
            "they wait for each other, and the result is marked",
            err=True,
        )
    return True


def open_result(benchmark: str, json_target: Optional[str], rank: int = 0) -> Result:
    """The result that rank 0 keeps, in the file that was asked for."""
    from gluonlab.bench.machine import describe_machine
    from gluonlab.build.run import package_versions

    origin: dict[str, Any] = {
        "machine": describe_machine(),
        "versions": package_versions(),
        "git_commit": git_commit(),
        "command": os.environ.get(COMMAND, "\n".join(["gluonlab", *sys.argv[1:]])).split("\n"),
    }
    keeps_file = rank == 0 and json_target not in (None, "-")
    return Result(benchmark, origin, Path(str(json_target)) if keeps_file else None)


def check_targets(json_target: Optional[str], plot: Optional[Path]) -> None:
    """Refuse files that cannot be written (CKP01), and a name that is not a picture's (CLI02)."""
    check_json_target(json_target)
    if plot:
        check_picture_file(plot)
        check_json_target(str(plot))


def show(result: Result, text: str, json_target: Optional[str], plot: Optional[Path] = None) -> None:
    """The result as JSON on stdout if that was asked for, else ``text``; its pictures in ``plot``."""
    if plot:
        write_pictures(plot, pictures_of([result.as_dict()]))
    if json_target == "-":
        write_json(result.as_dict(), "-")
    else:
        typer.echo(text)
