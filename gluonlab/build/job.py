"""A run from what its directory holds to its summary: looked at, locked, gone on with, trained, summed up."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional, TextIO

from gluonlab.build.run import build_run, provenance
from gluonlab.build.run_directory import (
    Found,
    Terms,
    check_anything_is_left,
    find_run,
    lock_run_directory,
    take_over,
)
from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.config.schema import Config
from gluonlab.errors import GluonlabError, PeerFailedError
from gluonlab.foreign_errors import as_gluonlab_error
from gluonlab.parallel.world import World
from gluonlab.reporting import run_files
from gluonlab.reporting.held_directory import HeldDirectory
from gluonlab.reporting.useful_batch import largest_useful_batch
from gluonlab.supervision.failure import as_rank_failure, write_report
from gluonlab.supervision.line import LauncherLine
from gluonlab.supervision.progress import LEAVING
from gluonlab.supervision.stop import PreemptedError, StopRequest
from gluonlab.training.fit import carry_on
from gluonlab.training.hand_over import what_was_left
from gluonlab.training.resume import check_same_on_all, resume
from gluonlab.training.run import Run
from gluonlab.weights.gluon_graph import write_graph


def train_in(
    run_dir: Path,
    config: Config,
    world: World,
    terms: Terms,
    stop: StopRequest,
    stream: TextIO,
    line: Optional[LauncherLine] = None,
) -> dict[str, Any]:
    """Train the recipe ``config`` in ``run_dir``, from where it stands there, and return its summary.

    Progress is written to ``stream`` by rank 0, ``line`` leads to the launcher. A finished run is not trained
    again. All processes of ``world`` return, or all raise.

    Raises:
        ConfigError: CFG20 the directory holds another run; whatever else `build_run` refuses.
        CheckpointError: CKP the directory is locked, or holds nothing that could be gone on with.
        PreemptedError: somebody asked to ``stop``; the state is saved.
    """

    def tell(text: str) -> None:
        if world.rank == 0:
            print(text, file=stream, flush=True)

    found = _find_run(config, run_dir, terms, world)
    if found.is_finished:
        return _tell_finished(run_dir, found, tell)
    run = _build(config, run_dir, world, terms, stop, stream, line)
    lock = world.run_on_all(lambda: lock_run_directory(run_dir) if world.rank == 0 else None)
    try:
        run.store.home.hold()
        found = _find_run(config, run_dir, terms, world)  # another process may have had it till now
        if found.is_finished:
            return _tell_finished(run_dir, found, tell)
        checkpoint, left = _resume_and_take_over(config, run, run_dir, found)
        if left:
            tell(f"starting over; what {run_dir} held is in {left} now")
        tell(_in_words(config, run, run_dir))
        summary = _fit_or_record(run, checkpoint, run_dir)
        if world.rank == 0:
            _sum_up(summary, run.store.home)
    finally:
        run.followers.close()
        if lock is not None:
            lock.close()
    _tell_result(summary, run_dir, tell)
    with world.progress.doing(LEAVING):
        for text in run.followers.finish():
            tell(text)
    return summary


def _build(
    config: Config,
    run_dir: Path,
    world: World,
    terms: Terms,
    stop: StopRequest,
    stream: TextIO,
    line: Optional[LauncherLine],
) -> Run:
    run = build_run(config, run_dir, world, stream)
    run.stop, run.allowed_changes = stop, terms.allowed_changes
    run.line, run.inheritance = line, what_was_left()
    if terms.until_epoch is not None:
        run.pause_step = run.sampler.calendar.first_step_of(terms.until_epoch)
    check_same_on_all(run)
    return run


def _in_words(config: Config, run: Run, run_dir: Path) -> str:
    batch = f"{config.global_batch_size:,} = {config.virtual_workers:,} x {config.worker_size}"
    where = f"{run.world.size} process(es), {run.total_steps:,} steps, {run_dir}"
    return f"{config.model.name}: batch {batch}, {where}"


def _tell_finished(run_dir: Path, found: Found, tell: Callable[[str], None]) -> dict[str, Any]:
    top1 = f"top-1 {found.summary['top1']:.2%}"
    tell(f"{run_dir} is finished: {top1}; use another run_dir to train again, or --start-over")
    return found.summary


def _tell_result(summary: dict[str, Any], run_dir: Path, tell: Callable[[str], None]) -> None:
    tell(
        f"done: top-1 {summary['top1']:.2%} of {summary['val_images']} images, "
        f"{summary['wall_seconds']:.1f} s on {summary['processes']} process(es), {run_dir}"
    )
    if summary.get("largest_useful_batch"):
        tell(
            f"largest batch worth using: about {summary['largest_useful_batch']:,.0f} (gradient noise scale)"
        )


def _find_run(config: Config, run_dir: Path, terms: Terms, world: World) -> Found:
    """What the run directory holds, as rank 0 sees it: the same on all ranks."""
    found = world.run_on_all(lambda: find_run(config, run_dir, terms) if world.rank == 0 else None)
    seen = world.exchange(json.dumps(asdict(found) if found else None))[0]
    return Found(**json.loads(seen))


def _resume_and_take_over(
    config: Config, run: Run, run_dir: Path, found: Found
) -> tuple[Optional[Checkpoint], Optional[Path]]:
    """The checkpoint to go on from, and where a run that is left went.

    What refuses the run does so before the first file is written.
    """
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
    summary["largest_useful_batch"] = largest_useful_batch(_logged_rows(directory.path))
    directory.check()
    run_files.write_json(directory.path / run_files.SUMMARY, summary)


def _logged_rows(run_dir: Path) -> list[dict[str, Any]]:
    """What the run has logged; nothing if that cannot be read, for its result does not hang on its log."""
    try:
        return run_files.read_metrics(run_dir / run_files.METRICS)
    except (OSError, GluonlabError):
        return []


def _fit_or_record(run: Run, checkpoint: Optional[Checkpoint], run_dir: Path) -> dict[str, Any]:
    """Train; a failure from here on belongs to the run and is kept with it."""
    try:
        return carry_on(run, checkpoint)
    except Exception as error:
        failure = as_rank_failure(error, as_gluonlab_error(error), run.world.rank)
        is_ours = not isinstance(failure, (PeerFailedError, PreemptedError))
        if is_ours and not run.store.home.problem():
            write_report(run_dir / run_files.ERROR, failure, run.world.rank)
        raise
