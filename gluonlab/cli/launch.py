"""``gluonlab launch``: start and watch P processes."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Optional

import typer


class BackendChoice(str, Enum):
    """How processes find each other."""

    mpi = "mpi"
    gloo = "gloo"


def launch(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="Recipe file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    processes: int = typer.Option(..., "-n", "--processes", min=1, help="Number of processes."),
    backend: BackendChoice = typer.Option(BackendChoice.mpi, "--backend", help="Horovod's controller."),
) -> None:
    """Train with P processes on this host, through Horovod.

    Example: gluonlab launch -n 2 configs/digits.yaml
    """
    from gluonlab.config import load_config

    config = load_config(recipe, overrides or [])
    _check_share(config.virtual_workers, processes)
    verb = [sys.executable, "-m", "gluonlab.cli.main", "train", str(recipe), *(overrides or [])]
    from gluonlab.parallel.launcher import launch as launch_processes

    launch_processes(verb, processes, backend.value)


def _check_share(virtual_workers: int, processes: int) -> None:
    """Refuse a number of processes before any of them is started."""
    from gluonlab.parallel.shares import workers_of_process

    workers_of_process(virtual_workers, 0, processes)
