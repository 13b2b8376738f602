"""``gluonlab train``: train in this process, or as one rank of a launched job."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, TextIO

import typer

from gluonlab.cli.output import (
    ALLOW_CHANGE,
    JSON_OPTION,
    START_OVER,
    check_json_target,
    check_start_over,
    write_json,
)
from gluonlab.cli.streams import tolerant_stream
from gluonlab.commands import gluonlab_command
from gluonlab.errors import ConfigError, GluonlabError

if TYPE_CHECKING:
    from gluonlab.build.run_directory import Found, Terms
    from gluonlab.checkpoint.verify import Checkpoint
    from gluonlab.config.schema import Config
    from gluonlab.parallel.environment import LaunchedProcess
    from gluonlab.parallel.supervision.stop import StopRequest
    from gluonlab.parallel.world import World
    from gluonlab.reporting.held_directory import HeldDirectory
    from gluonlab.training.run import Run


def train(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the plan and stop."),
    processes: Optional[int] = typer.Option(
        None, "--processes", min=1, help="With --dry-run: plan for this many processes."
    ),
    allow_change: list[str] = ALLOW_CHANGE,
    start_over: bool = START_OVER,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Train in this process. Under horovodrun, mpirun or srun it is one of their processes.

    The same command again continues the run. SIGTERM, SIGUSR1 and Ctrl-C save it and stop it with code 75.

    Example: gluonlab train recipe:digits seed=1 run_dir=runs/digits-1
    """
    from gluonlab.parallel.environment import launched_process
    from gluonlab.runtime.limits import check_limits, check_threads

    if processes and not dry_run:
        launch = gluonlab_command("launch", "-n", processes, recipe, *(overrides or []))
        raise ConfigError("CLI02", "--processes", "goes with --dry-run", f"to train: {launch}")
    started = launched_process()
    check_limits(is_launched=started.size > 1)
    check_threads(is_launched=started.size > 1)

    from gluonlab.build.check import check_recipe
    from gluonlab.build.gpu_settings import set_gpu_environment
    from gluonlab.build.run_directory import Terms, run_directory
    from gluonlab.config import load_config
    from gluonlab.parallel.launch import job

    check_json_target(json_target)
    check_start_over(start_over, allow_change)
    config = load_config(recipe, overrides or [])
    check_recipe(config, processes or started.size)
    _take_cores(config, started)
    set_gpu_environment(config)
    if dry_run:
        _print_plan(config, processes or 1, json_target)
        return
    terms = Terms(tuple(allow_change), os.environ.get(job.START_OVER, "") if start_over else None)
    _train_in_world(config, run_directory(config, recipe), terms, json_target)


def _take_cores(config: Config, started: LaunchedProcess) -> None:
    from gluonlab.parallel.environment import bind_to_cores, set_cpu_threads
    from gluonlab.parallel.launch.job import BIND

    sharing = started.local_size
    if BIND in os.environ and bind_to_cores(started.local_rank, sharing):
        sharing = 1
    set_cpu_threads(config.compute_threads, sharing)


def _train_in_world(config: Config, run_dir: Path, terms: Terms, json_target: Optional[str]) -> None:
    from gluonlab import fault_injection
    from gluonlab.build.device import load_engine
    from gluonlab.parallel.environment import launched_process
    from gluonlab.parallel.supervision.line import launcher_line
    from gluonlab.parallel.supervision.messages import ATTEMPT
    from gluonlab.parallel.supervision.progress import Progress
    from gluonlab.parallel.supervision.stop import StopRequest
    from gluonlab.parallel.world import join_world
    from gluonlab.runtime.variables import whole_number

    attempt = whole_number(os.environ, ATTEMPT, 1, 1_000_000, default=1)
    fault_injection.arm(launched_process().rank, attempt)
    stop, progress, line = StopRequest(), Progress(), launcher_line()
    stop.listen()
    if line:
        line.watch(progress, stop)
    fault_injection.fault_point("start")
    load_engine(config)
    world = join_world(progress)
    if line:
        line.tell_crashes()
    summary = _train(config, run_dir, world, _progress_stream(json_target), stop, terms)
    fault_injection.fault_point("end")
    world.shutdown()
    if world.rank == 0:
        write_json(summary, json_target)
    if line:
        line.leave()


def _print_plan(config: Config, processes: int, json_target: Optional[str]) -> None:
    from gluonlab.build.plan import format_plan, make_plan

    plan = make_plan(config, processes)
    if not (write_json(plan, json_target) and json_target == "-"):
        typer.echo(format_plan(plan))


def _progress_stream(json_target: Optional[str]) -> TextIO:
    """Where progress goes: the user's terminal where a launcher names it, else stdout or stderr.

    The run does not hang on it: what cannot be written there is lost.
    """
    from gluonlab.parallel.launch.job import TERMINAL

    terminal = os.environ.get(TERMINAL)
    if terminal:
        try:
            return tolerant_stream(terminal)
        except OSError:
            pass  # another host, or another user's terminal: lines through the launcher will do
    return sys.stderr if json_target == "-" else tolerant_stream(1)


def _train(
    config: Config, run_dir: Path, world: World, stream: TextIO, stop: StopRequest, terms: Terms
) -> dict[str, Any]:
    from gluonlab.build.run import build_run
    from gluonlab.build.run_directory import lock_run_directory
    from gluonlab.training.resume import check_same_on_all

    def tell(text: str) -> None:
        if world.rank == 0:
            typer.echo(text, file=stream)

    lock = None
    found = _find_run(config, run_dir, terms, world)
    if not found.is_finished:
        run = build_run(config, run_dir, world, stream)
        run.stop, run.allowed_changes = stop, terms.allowed_changes
        check_same_on_all(run)
        lock = world.run_on_all(lambda: lock_run_directory(run_dir) if world.rank == 0 else None)
        run.store.home.hold()
        found = _find_run(config, run_dir, terms, world)  # another process may have had it till now
    if found.is_finished:
        top1 = f"top-1 {found.summary['top1']:.2%}"
        tell(f"{run_dir} is finished: {top1}; use another run_dir to train again, or --start-over")
        return found.summary
    checkpoint, left = _resume_and_take_over(config, run, run_dir, found)
    if left:
        tell(f"starting over; what {run_dir} held is in {left} now")
    tell(
        f"{config.model.name}: batch {config.global_batch_size:,} = {config.virtual_workers:,} x "
        f"{config.worker_size}, {world.size} process(es), {run.total_steps:,} steps, {run_dir}"
    )
    summary = _fit_or_record(run, checkpoint, run_dir)
    if lock is not None:
        _sum_up(summary, run.store.home)
        lock.close()
    tell(
        f"done: top-1 {summary['top1']:.2%} of {summary['val_images']} images, "
        f"{summary['wall_seconds']:.1f} s on {summary['processes']} process(es), {run_dir}"
    )
    if summary.get("largest_useful_batch"):
        tell(
            f"largest batch worth using: about {summary['largest_useful_batch']:,.0f} (gradient noise scale)"
        )
    return summary


def _find_run(config: Config, run_dir: Path, terms: Terms, world: World) -> Found:
    """What the run directory holds, as rank 0 sees it: the same on all ranks."""
    from gluonlab.build.run_directory import Found, find_run

    found = world.run_on_all(lambda: find_run(config, run_dir, terms) if world.rank == 0 else None)
    seen = world.exchange(json.dumps(asdict(found) if found else None))[0]
    return Found(**json.loads(seen))


def _resume_and_take_over(
    config: Config, run: Run, run_dir: Path, found: Found
) -> tuple[Optional[Checkpoint], Optional[Path]]:
    """The checkpoint to go on from, and where a run that is left went.

    What refuses the run does so before the first file is written.
    """
    from gluonlab.build.run import provenance
    from gluonlab.build.run_directory import check_anything_is_left, take_over
    from gluonlab.training.resume import resume
    from gluonlab.weights.gluon_graph import write_graph

    checkpoint = None if found.is_left else resume(run)
    check_anything_is_left(run_dir, found, run.state.step, run.total_steps)

    def write() -> Optional[Path]:
        if run.world.rank != 0:
            return None
        left = take_over(run_dir, found, provenance(config, run))
        write_graph(run.state.net, run_dir)
        return left

    return checkpoint, run.world.run_on_all(write)


def _sum_up(summary: dict[str, Any], directory: HeldDirectory) -> None:
    """Write the summary: the run is finished."""
    from gluonlab.reporting import run_files
    from gluonlab.reporting.useful_batch import largest_useful_batch

    summary["largest_useful_batch"] = largest_useful_batch(_logged_rows(directory.path))
    directory.check()
    run_files.write_json(directory.path / run_files.SUMMARY, summary)


def _logged_rows(run_dir: Path) -> list[dict[str, Any]]:
    """What the run has logged; nothing if that cannot be read, for its result does not hang on its log."""
    from gluonlab.reporting.run_files import METRICS, read_metrics

    try:
        return read_metrics(run_dir / METRICS)
    except (OSError, GluonlabError):
        return []


def _fit_or_record(run: Run, checkpoint: Optional[Checkpoint], run_dir: Path) -> dict[str, Any]:
    """Train; a failure from here on belongs to the run and is kept with it."""
    from gluonlab.cli.main import as_gluonlab_error
    from gluonlab.parallel.failure import as_rank_failure, write_report
    from gluonlab.parallel.supervision.stop import PreemptedError
    from gluonlab.parallel.world import PeerFailedError
    from gluonlab.reporting.run_files import ERROR
    from gluonlab.training.fit import carry_on

    try:
        return carry_on(run, checkpoint)
    except Exception as error:
        failure = as_rank_failure(error, as_gluonlab_error(error), run.world.rank)
        is_ours = not isinstance(failure, (PeerFailedError, PreemptedError))
        if is_ours and not run.store.home.problem():
            write_report(run_dir / ERROR, failure, run.world.rank)
        raise
