"""``gluonlab launch``: start P processes, watch them, and start them again."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional
from uuid import uuid4

import typer

from gluonlab.cli.job_metrics import told_metrics
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
from gluonlab.disk import make_folder
from gluonlab.errors import ConfigError
from gluonlab.launch import JobPlan
from gluonlab.launch.autotune import LOG, autotuner_environment, best_setting
from gluonlab.launch.hosts import Host, parse_hosts, read_host_file
from gluonlab.launch.restarts import RestartPolicy, run_until_done
from gluonlab.reporting.run_files import LOGS, SUMMARY, read_json
from gluonlab.reporting.trackers import variables_of
from gluonlab.runtime.limits import check_limits
from gluonlab.supervision import variables
from gluonlab.supervision.watchdog import Limits

if TYPE_CHECKING:
    from gluonlab.config.schema import Config


class BackendChoice(str, Enum):
    """How processes are started and find each other."""

    mpi = "mpi"
    gloo = "gloo"
    srun = "srun"
    kvstore = "kvstore"
    torch = "torch"


class BindChoice(str, Enum):
    """What each process keeps to."""

    cores = "cores"
    none = "none"


def _seconds(default: float, flag: str, text: str) -> Any:
    return typer.Option(default, flag, min=0.1, metavar="SECONDS", help=text)


_RESTART_DELAY = _seconds(5, "--restart-delay", "Before the first restart; doubled each time.")
_STARTUP_LIMIT = _seconds(600, "--startup-limit", "What a start, or a save, may take.")
_IDLE_LIMIT = _seconds(120, "--idle-limit", "What a process may take without any progress.")
_GRACE = _seconds(120, "--grace", "What it may take to stop when asked to.")
_STRAGGLER_FACTOR = typer.Option(
    2.0, "--straggler-factor", min=1.1, metavar="F", help="Name a process F times as slow as the others."
)
_BACKEND = typer.Option(
    None, "--backend", help="What starts them; default srun inside SLURM, else mpi, without Horovod torch."
)
_AUTOTUNE = typer.Option(
    False, "--autotune", help="Let Horovod tune how it joins sums; print the best setting as environment."
)


def launch(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    processes: int = typer.Option(..., "-n", "--processes", min=1, help="Number of processes."),
    backend: Optional[BackendChoice] = _BACKEND,
    hosts: Optional[str] = typer.Option(
        None, "--hosts", metavar="a:8,b:8", help="Hosts and their processes."
    ),
    host_file: Optional[Path] = typer.Option(
        None, "--host-file", help="Lines of `name slots=8`, as mpirun, PBS, SGE write them."
    ),
    interface: Optional[str] = typer.Option(None, "--interface", help="Card or network for all connections."),
    env: list[str] = typer.Option([], "--env", metavar="NAME", help="Pass this variable too; repeatable."),
    bind: BindChoice = typer.Option(BindChoice.cores, "--bind", help="Each process keeps to its share."),
    max_restarts: int = typer.Option(0, "--max-restarts", min=0, help="Restarts from the last checkpoint."),
    min_processes: Optional[int] = typer.Option(
        None, "--min-processes", min=1, help="Go on with as few when a host is gone; default: all."
    ),
    restart_delay: float = _RESTART_DELAY,
    startup_limit: float = _STARTUP_LIMIT,
    idle_limit: float = _IDLE_LIMIT,
    grace: float = _GRACE,
    straggler_factor: float = _STRAGGLER_FACTOR,
    is_tuned: bool = _AUTOTUNE,
    metrics_port: Optional[int] = typer.Option(
        None, "--metrics-port", min=0, max=65535, help="Tell Prometheus of the job at this port; 0: any."
    ),
    metrics_host: str = typer.Option("127.0.0.1", "--metrics-host", help="Address of that port."),
    otlp: Optional[str] = typer.Option(
        None, "--otlp", metavar="URL", help="Send them to this OpenTelemetry Collector every ten seconds."
    ),
    allow_change: list[str] = ALLOW_CHANGE,
    start_over: bool = START_OVER,
    until_epoch: Optional[float] = UNTIL_EPOCH,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Train with several processes, on one host or many. See docs/reliability.md and docs/clusters.md.

    Example: gluonlab launch -n 16 --hosts a:8,b:8 --max-restarts 3 RECIPE
    """
    check_json_target(json_target)
    check_start_over(start_over, allow_change)
    starter = _starter(backend, processes, is_tuned, bool(hosts or host_file))
    config, run_dir = _checked(recipe, overrides or [], processes, None if start_over else allow_change)
    plan = JobPlan(
        _train(recipe, overrides or [], allow_change, start_over, until_epoch),
        processes,
        starter,
        hosts=_hosts(hosts, host_file, processes),
        interface=interface,
        pass_environment=(*env, *variables_of(config.trackers, os.environ)),
        bind_cores=bind is BindChoice.cores,
        logs=run_dir / LOGS,
        limits=Limits(startup_limit, idle_limit, grace),
        straggler_factor=straggler_factor,
    )
    policy = _restart_policy(config, max_restarts, min_processes, restart_delay)
    if is_tuned:
        _turn_autotuner_on(run_dir)
    stream = sys.stderr if json_target == "-" else tolerant_stream(1)
    with told_metrics(run_dir, metrics_host, metrics_port, otlp) as metrics:
        run_until_done(plan, policy, stream, metrics)
    _tell(run_dir, json_target, is_tuned=is_tuned)


def _checked(
    recipe: Path, overrides: list[str], processes: int, allow_change: Optional[list[str]]
) -> tuple[Config, Path]:
    """The recipe and where it runs, which must hold the same run unless that is left aside."""
    check_limits()
    # Not before the limits are known to be enough for it.
    from gluonlab.build.check import check_recipe
    from gluonlab.build.run_directory import check_same_run, run_directory
    from gluonlab.config import load_config

    config = load_config(recipe, overrides)
    check_recipe(config, processes)
    run_dir = run_directory(config, recipe)
    if allow_change is not None:
        check_same_run(config, run_dir, allow_change)
    return config, run_dir


def _train(
    recipe: Path,
    overrides: list[str],
    allow_change: list[str],
    start_over: bool,
    until_epoch: Optional[float],
) -> list[str]:
    """What each process runs."""
    options = [word for key in allow_change for word in ("--allow-change", key)]
    if start_over:
        os.environ[variables.START_OVER] = uuid4().hex
        options.append("--start-over")
    if until_epoch is not None:
        options += ["--until-epoch", str(until_epoch)]
    return [sys.executable, "-m", "gluonlab.cli.main", "train", *options, str(recipe), *overrides]


def _starter(backend: Optional[BackendChoice], processes: int, is_tuned: bool, has_hosts: bool) -> Any:
    """The name of the backend, which has an autotuner if one is asked for."""
    from gluonlab.parallel.environment import is_horovod_installed, is_torch_installed

    if is_tuned and backend in (BackendChoice.kvstore, BackendChoice.torch):
        raise ConfigError("CLI02", "--autotune", f"is Horovod's, not {backend.value}'s", "use --backend mpi")
    if is_tuned and processes == 1:
        raise ConfigError("CLI02", "--autotune", "one process sums nothing", "use -n 2 or more")
    if backend:
        return backend.value
    if "SLURM_JOB_ID" in os.environ and shutil.which("srun"):
        return "srun"
    needs_mpi = has_hosts or is_horovod_installed() or not is_torch_installed()
    return "mpi" if needs_mpi else "torch"


def _turn_autotuner_on(run_dir: Path) -> None:
    make_folder(run_dir, 0o700)
    os.environ.update(autotuner_environment(run_dir / LOG))


def _tell(run_dir: Path, json_target: Optional[str], *, is_tuned: bool) -> None:
    """The summary as JSON, and the best setting of Horovod where it was tuned."""
    best = best_setting(run_dir / LOG) if is_tuned else None
    if is_tuned:
        text = (
            f"autotune: no setting was tried to its end; train longer (docs/benchmarks.md), {run_dir / LOG}"
        )
        if best:
            variables = " ".join(f"{name}={value}" for name, value in best.environment.items())
            text = f"autotune: best of {best.tries} tries: {variables}"
        typer.echo(text, err=json_target == "-")
    if json_target:
        summary = read_json(run_dir / SUMMARY)
        write_json({**summary, "autotune": asdict(best)} if best else summary, json_target)


def _hosts(hosts: Optional[str], host_file: Optional[Path], processes: int) -> tuple[Host, ...]:
    if hosts and host_file:
        raise ConfigError("CLI02", "--hosts and --host-file", "say the same thing", "give one of them")
    if not hosts and not host_file:
        return ()
    found = parse_hosts(hosts) if hosts else read_host_file(Path(str(host_file)))
    slots = sum(host.slots for host in found)
    if slots < processes:
        hint = "name more hosts, or write slots=8 behind those without a number, which take one each"
        raise ConfigError("CLI02", f"-n {processes}", f"the hosts take {slots} processes", hint)
    return found


def _restart_policy(
    config: Config, max_restarts: int, min_processes: Optional[int], delay: float
) -> RestartPolicy:
    from gluonlab.build.check import check_recipe
    from gluonlab.build.samples import describe_samples

    def fits(processes: int) -> bool:
        try:
            check_recipe(config, processes)
        except ConfigError:
            return False
        return True

    def samples(step: int, rank: int, processes: int) -> str:
        return describe_samples(config, step, rank, processes)

    return RestartPolicy(max_restarts, min_processes, delay, fits, samples)
