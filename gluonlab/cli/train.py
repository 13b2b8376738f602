"""``gluonlab train``: train in this process, or as one rank of a launched job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TextIO

import typer

from gluonlab.cli.output import JSON_OPTION, write_json

if TYPE_CHECKING:
    from gluonlab.config.schema import Config
    from gluonlab.parallel.world import World
    from gluonlab.training.fit import Run


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
    stream = sys.stderr if json_target == "-" else sys.stdout
    summary = train_as_rank(config, recipe, stream)
    if summary:
        write_json(summary, json_target)


def train_as_rank(config: Config, recipe: Path, stream: TextIO) -> Optional[dict[str, Any]]:
    """Join the world and train; returns the summary on rank 0, None elsewhere."""
    from gluonlab.build.run_directory import run_directory
    from gluonlab.cli.main import as_gluonlab_error
    from gluonlab.parallel.failure import as_rank_failure, tell_launcher
    from gluonlab.parallel.world import SingleProcess, join_world

    run_dir = run_directory(config, recipe)
    world: World = SingleProcess()
    try:
        world = join_world()
        summary = _train(config, run_dir, world, stream)
        world.shutdown()
    except Exception as error:
        failure = as_rank_failure(error, as_gluonlab_error(error), world.rank)
        tell_launcher(failure, world.rank)
        raise failure from error
    return summary if world.rank == 0 else None


def _train(config: Config, run_dir: Path, world: World, stream: TextIO) -> dict[str, Any]:
    from gluonlab.build.run import build_run, provenance
    from gluonlab.build.run_directory import check_same_run, lock_run_directory
    from gluonlab.reporting import run_files

    def tell(text: str) -> None:
        if world.rank == 0:
            typer.echo(text, file=stream)

    check_same_run(config, run_dir)
    if (run_dir / run_files.SUMMARY).exists():
        summary = run_files.read_json(run_dir / run_files.SUMMARY)
        tell(f"{run_dir} is finished: top-1 {summary['top1']:.2%}; use another run_dir to train again")
        return summary
    run = build_run(config, run_dir, world, stream)
    lock = world.run_on_all(lambda: lock_run_directory(run_dir) if world.rank == 0 else None)
    if world.rank == 0:
        (run_dir / run_files.ERROR).unlink(missing_ok=True)
        run.store.remove_leftovers()
        run_files.write_json(run_dir / run_files.CONFIG, provenance(config, run))
    summary = _fit_or_record(run, run_dir)
    if lock is not None:
        run_files.write_json(run_dir / run_files.SUMMARY, summary)
        lock.close()
    tell(
        f"done: top-1 {summary['top1']:.2%} of {summary['val_images']} images, "
        f"{summary['wall_seconds']:.1f} s on {summary['processes']} process(es), {run_dir}"
    )
    return summary


def _fit_or_record(run: Run, run_dir: Path) -> dict[str, Any]:
    """Train; a failure from here on belongs to the run and is kept with it."""
    from gluonlab.cli.main import as_gluonlab_error
    from gluonlab.parallel.failure import as_rank_failure, write_report
    from gluonlab.parallel.world import PeerFailedError
    from gluonlab.reporting.run_files import ERROR
    from gluonlab.training.fit import fit

    try:
        return fit(run)
    except Exception as error:
        failure = as_rank_failure(error, as_gluonlab_error(error), run.world.rank)
        if not isinstance(failure, PeerFailedError):
            write_report(run_dir / ERROR, failure, run.world.rank)
        raise
