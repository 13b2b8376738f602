"""A recipe loaded, trained, evaluated: what the command line and Python programs call.

MXNet reads its variables when it is imported, so that the functions set them first and import the rest then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Optional, TextIO, Union

from gluonlab import fault_injection
from gluonlab.build.check import check_recipe
from gluonlab.build.gpu_settings import set_gpu_environment
from gluonlab.build.likeness import settings_like
from gluonlab.build.run_directory import Terms, find_checkpoint, load_run_config
from gluonlab.checkpoint.verify import read_checkpoint
from gluonlab.config.load import load_config
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError
from gluonlab.parallel.environment import bind_to_cores, launched_process, set_cpu_threads
from gluonlab.parallel.joining import join_world
from gluonlab.reporting.notebook import Results
from gluonlab.reporting.recorder_files import write_own
from gluonlab.runtime.limits import check_limits, check_threads
from gluonlab.runtime.parent import outlive_starter
from gluonlab.runtime.variables import whole_number
from gluonlab.supervision import variables
from gluonlab.supervision.flight_recorder import recorder_of_process
from gluonlab.supervision.line import launcher_line
from gluonlab.supervision.progress import Progress
from gluonlab.supervision.stop import StopRequest
from gluonlab.weights.which import check_which


def load_recipe(recipe: Union[str, Path], *overrides: str) -> Config:
    """The configuration in ``recipe``, a file or "recipe:NAME", with overrides such as "seed=1".

    Raises:
        ConfigError: with all that is wrong with it, also for training it on the processes that there are.
    """
    config = load_config(Path(recipe), overrides)
    check_recipe(config, launched_process().size)
    return config


def train(
    config: Config,
    run_dir: Union[str, Path, None] = None,
    *,
    allow_change: Sequence[str] = (),
    start_over: bool = False,
    stream: Optional[TextIO] = None,
) -> Results:
    """Train ``config`` in ``run_dir``, by default its own, as ``gluonlab train`` does; returns the summary.

    What the directory holds is gone on with: keys that ``allow_change`` names may be others now, or it starts
    over. Progress goes to ``stream``, by default stdout. Alone, Ctrl-C is Python's, and the same call goes on
    from the last checkpoint. A launched process is one rank of its job, calls this once, and is stopped by
    `PreemptedError` with its state saved.

    Raises:
        GluonlabError: a line with its code; on all processes.
    """
    where = run_dir if run_dir is not None else config.run_dir
    if where is None:
        raise ConfigError("CFG17", "run_dir", "is missing", "name the directory of the run")
    started = launched_process()
    check_limits(is_launched=started.size > 1)
    check_threads(is_launched=started.size > 1)
    check_recipe(config, started.size)
    prepare_process(config)
    terms = terms_of(allow_change, start_over=start_over)
    return Results(train_process(config, Path(where), terms, stream or sys.stdout), Path(where))


def terms_of(allow_change: Sequence[str], *, start_over: bool, until_epoch: Optional[float] = None) -> Terms:
    """How a run goes on; one that starts over does so once in a launched job, whatever restarts it has."""
    job = os.environ.get(variables.START_OVER, "") if start_over else None
    return Terms(tuple(allow_change), job, until_epoch)


def prepare_process(config: Config) -> None:
    """Cores, threads and variables of this process, before MXNet is imported."""
    started = launched_process()
    sharing = started.local_size
    if variables.BIND in os.environ and bind_to_cores(started.local_rank, sharing):
        sharing = 1
    set_cpu_threads(config.compute_threads, sharing)
    set_gpu_environment(config)


def train_process(
    config: Config,
    run_dir: Path,
    terms: Terms,
    stream: TextIO,
    *,
    listens: bool = False,
    finish: Callable[[dict[str, Any]], object] = lambda summary: None,
) -> dict[str, Any]:
    """Train as the rank of its job that this process is.

    In a job, and with ``listens`` alone too, signals to stop save the run. Rank 0 calls ``finish`` with the
    summary while its launcher can still be told of a failure.
    """
    fault_injection.arm(
        launched_process().rank, whole_number(os.environ, variables.ATTEMPT, 1, 1_000_000, default=1)
    )
    recorder = recorder_of_process(launched_process().rank)
    stop, progress, line = StopRequest(), Progress(recorder), launcher_line()
    if listens or line or launched_process().size > 1:
        stop.listen()
    if line:
        line.watch(progress, stop)
    else:
        stop.on_recorder_signal = lambda: write_own(run_dir, recorder)
    if variables.HEIRS in os.environ:
        outlive_starter()
    fault_injection.fault_point("start")
    from gluonlab.build.device import load_engine

    world = join_world(progress, load_engine(config))
    fault_injection.arm_collectives(world)
    if line:
        line.tell_crashes()
    from gluonlab.build.job import train_in

    summary = train_in(run_dir, config, world, terms, stop, stream, line)
    fault_injection.fault_point("end")
    world.shutdown()
    if world.rank == 0:
        finish(summary)
    if line:
        line.leave()
    return summary


def evaluate_run(
    target: Union[str, Path],
    *overrides: str,
    engine: Optional[str] = None,
    weights: Optional[str] = None,
    check: bool = True,
    like: Optional[str] = None,
    crop_share: Optional[float] = None,
) -> Results:
    """Validate a run or a checkpoint, each image once, as `gluonlab evaluate` does; returns its metrics.

    ``engine`` of `gluonlab.inference.ENGINES` computes instead of the network itself and is compared with
    it once, unless ``check`` is False. ``weights``: "raw" or "average", by default the latter if it is there.
    ``like`` "torchvision" or "timm", the pixels are those that these show a network, see `settings_like`.

    Raises:
        GluonlabError: a line with its code; on all processes.
    """
    which = check_which(weights)
    checkpoint = find_checkpoint(Path(target).resolve())
    settings = ["engine=mxnet"] if engine else []  # from whose arrays the other takes its weights
    run_dir = checkpoint.path.parent.parent
    config = load_run_config(run_dir, [*settings, *overrides])
    pixels = settings_like(config.data, like, crop_share)
    config = load_run_config(run_dir, [*settings, *overrides, *pixels])
    set_cpu_threads(config.compute_threads, launched_process().local_size)
    set_gpu_environment(config)
    from gluonlab.build.device import load_engine

    world = join_world(engine=load_engine(config))
    from gluonlab.build.run import validate_checkpoint

    chosen = Path(world.exchange(str(checkpoint.path))[0])  # of a run that goes on, each finds its newest
    checkpoint = world.run_on_all(
        lambda: checkpoint if checkpoint.path == chosen else read_checkpoint(chosen)
    )
    results: dict[str, Any] = validate_checkpoint(config, checkpoint, world, engine, which, check=check)
    if engine == "int8":
        exact = validate_checkpoint(config, checkpoint, world, None, which)
        results.update(float32_top1=exact["top1"], top1_difference=results["top1"] - exact["top1"])
    world.shutdown()
    return Results({"checkpoint": str(checkpoint.path), **results})
