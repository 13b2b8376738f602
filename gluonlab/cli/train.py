"""``gluonlab train``: train in this process, or as one rank of a launched job."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from gluonlab.cli.output import JSON_OPTION, write_json

if TYPE_CHECKING:
    from gluonlab.config.schema import Config
    from gluonlab.parallel.world import World


def train(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="Recipe file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the plan and stop."),
    processes: int = typer.Option(
        1, "--processes", min=1, help="With --dry-run: plan for so many processes."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Train in this process (or as one rank when started by horovodrun, mpirun or srun).

    The same command again continues the run. Example:
    gluonlab train configs/digits.yaml seed=1 run_dir=runs/digits-1
    """
    from gluonlab.build.check import check_recipe
    from gluonlab.config import load_config
    from gluonlab.parallel.environment import launched_process, set_cpu_threads

    config = load_config(recipe, overrides or [])
    started = launched_process()
    check_recipe(config, processes if dry_run else started.size)
    set_cpu_threads(config.cpu_threads, started.local_size)
    if dry_run:
        from gluonlab.build.plan import format_plan, make_plan

        plan = make_plan(config, processes)
        if not write_json(plan, json_target) or json_target != "-":
            typer.echo(format_plan(plan))
        return
    summary = train_as_rank(config, recipe)
    if summary:
        write_json(summary, json_target)


def train_as_rank(config: Config, recipe: Path) -> Optional[dict[str, Any]]:
    """Join the world and train; returns the summary on rank 0, None elsewhere."""
    from gluonlab.parallel.failure import report_failure
    from gluonlab.parallel.world import SingleProcess, join_world

    world: World = SingleProcess()
    try:
        world = join_world()
        summary = _train(config, recipe, world)
        world.shutdown()
    except Exception as error:
        from gluonlab.cli.main import as_gluonlab_error

        raise report_failure(
            error, as_gluonlab_error(error), world.rank, _run_dir_if_any(config, recipe)
        ) from error
    return summary if world.rank == 0 else None


def _train(config: Config, recipe: Path, world: World) -> dict[str, Any]:
    from gluonlab.build.run import build_run, provenance
    from gluonlab.build.run_directory import check_same_run, lock_run_directory, run_directory
    from gluonlab.reporting.run_files import CONFIG, ERROR, SUMMARY, read_json
    from gluonlab.reporting.run_files import write_json as write_file
    from gluonlab.training.fit import fit

    run_dir = run_directory(config, recipe)
    check_same_run(config, run_dir)
    if (run_dir / SUMMARY).exists():
        summary = read_json(run_dir / SUMMARY)
        if world.rank == 0:
            typer.echo(
                f"{run_dir} is finished: top-1 {summary['top1']:.2%}; use another run_dir to train again"
            )
        return summary
    run = build_run(config, run_dir, world)
    lock = world.run_on_all(lambda: lock_run_directory(run_dir) if world.rank == 0 else None)
    if world.rank == 0:
        (run_dir / ERROR).unlink(missing_ok=True)
        write_file(run_dir / CONFIG, provenance(config, run))
    summary = fit(run)
    if world.rank == 0:
        write_file(run_dir / SUMMARY, summary)
        typer.echo(
            f"done: top-1 {summary['top1']:.2%} of {summary['val_images']} images, "
            f"{summary['wall_seconds']:.1f} s on {summary['processes']} process(es), {run_dir}"
        )
    if lock is not None:
        lock.close()
    return summary


def _run_dir_if_any(config: Config, recipe: Path) -> Optional[Path]:
    from gluonlab.build.run_directory import run_directory

    run_dir = run_directory(config, recipe)
    return run_dir if os.path.isdir(run_dir) else None
