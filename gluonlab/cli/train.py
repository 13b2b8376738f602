"""``gluonlab train``: train in this process, or as one rank of a launched job."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Optional, TextIO

import typer

from gluonlab.cli.output import (
    ALLOW_CHANGE,
    JSON_OPTION,
    START_OVER,
    UNTIL_EPOCH,
    check_json_target,
    check_start_over,
    write_json,
)
from gluonlab.cli.streams import tolerant_stream
from gluonlab.commands import gluonlab_command
from gluonlab.errors import ConfigError
from gluonlab.parallel.environment import launched_process
from gluonlab.runtime.limits import check_limits, check_threads
from gluonlab.supervision.variables import TERMINAL

if TYPE_CHECKING:
    from gluonlab.config.schema import Config


def train(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the plan and stop."),
    processes: Optional[int] = typer.Option(
        None, "--processes", min=1, help="With --dry-run: plan for this many processes."
    ),
    allow_change: list[str] = ALLOW_CHANGE,
    start_over: bool = START_OVER,
    until_epoch: Optional[float] = UNTIL_EPOCH,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Train in this process. Under horovodrun, mpirun or srun it is one of their processes.

    The same command again continues the run. SIGTERM, SIGUSR1 and Ctrl-C save it and stop it with code 75.

    Example: gluonlab train recipe:digits seed=1 run_dir=runs/digits-1
    """
    started = launched_process()
    if processes and not dry_run:
        launch = gluonlab_command("launch", "-n", processes, recipe, *(overrides or []))
        raise ConfigError("CLI02", "--processes", "goes with --dry-run", f"to train: {launch}")
    check_limits(is_launched=started.size > 1)
    check_threads(is_launched=started.size > 1)
    # Not before the limits are known to be enough for it.
    from gluonlab.build import recipes
    from gluonlab.build.check import check_recipe
    from gluonlab.build.run_directory import run_directory
    from gluonlab.config import load_config

    check_json_target(json_target)
    check_start_over(start_over, allow_change)
    config = load_config(recipe, overrides or [])
    check_recipe(config, processes or started.size)
    recipes.prepare_process(config)
    if dry_run:
        _print_plan(config, processes or 1, json_target)
        return
    recipes.train_process(
        config,
        run_directory(config, recipe),
        recipes.terms_of(allow_change, start_over=start_over, until_epoch=until_epoch),
        _progress_stream(json_target),
        listens=True,
        finish=partial(write_json, target=json_target),
    )


def _print_plan(config: Config, processes: int, json_target: Optional[str]) -> None:
    from gluonlab.build.plan import format_plan, make_plan

    plan = make_plan(config, processes)
    if not (write_json(plan, json_target) and json_target == "-"):
        typer.echo(format_plan(plan))


def _progress_stream(json_target: Optional[str]) -> TextIO:
    """Where progress goes: the user's terminal where a launcher names it, else stdout or stderr.

    The run does not hang on it: what cannot be written there is lost.
    """
    terminal = os.environ.get(TERMINAL)
    if terminal:
        try:
            return tolerant_stream(terminal)
        except OSError:
            pass  # another host, or another user's terminal: lines through the launcher will do
    return sys.stderr if json_target == "-" else tolerant_stream(1)
