"""``gluonlab launch``: start and watch P processes."""

from __future__ import annotations

import sys
from enum import Enum
from pathlib import Path
from typing import Optional

import typer

from gluonlab.cli.output import JSON_OPTION, check_json_target, write_json


class BackendChoice(str, Enum):
    """How processes find each other."""

    mpi = "mpi"
    gloo = "gloo"
    kvstore = "kvstore"


def launch(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="Recipe file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    processes: int = typer.Option(..., "-n", "--processes", min=1, help="Number of processes."),
    backend: BackendChoice = typer.Option(
        BackendChoice.mpi, "--backend", help="Horovod over MPI or Gloo, or MXNet's parameter server."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Train with P processes on this host, through Horovod or MXNet's kvstore.

    Example: gluonlab launch -n 2 configs/digits.yaml
    """
    from gluonlab.build.check import check_recipe
    from gluonlab.build.run_directory import run_directory
    from gluonlab.config import load_config
    from gluonlab.parallel.launcher import launch as launch_processes
    from gluonlab.reporting.run_files import SUMMARY, read_json

    check_json_target(json_target)
    config = load_config(recipe, overrides or [])
    check_recipe(config, processes)
    verb = [sys.executable, "-m", "gluonlab.cli.main", "train", str(recipe), *(overrides or [])]
    launch_processes(verb, processes, backend.value, stream=sys.stderr if json_target == "-" else None)
    if json_target:
        write_json(read_json(run_directory(config, recipe) / SUMMARY), json_target)
