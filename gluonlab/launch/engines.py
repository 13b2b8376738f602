"""The programs that start processes on one host or many: mpirun, horovodrun with Gloo, srun."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gluonlab.commands import horovod_command
from gluonlab.errors import ConfigError, SetupError
from gluonlab.launch.plan import JobPlan
from gluonlab.launch.shared_memory import check_shared_memory
from gluonlab.parallel.environment import is_horovod_installed, is_torch_installed

# Group 1 is the rank, 0 if empty; lines without a prefix are the engine's own.
_PREFIX_OF = {
    "mpi": re.compile(r"^\[\d+,(\d+)\]<std(?:out|err)>: ?"),
    "gloo": re.compile(r"^\[(\d+)\]<std(?:out|err)>: ?"),
    "srun": re.compile(r"^ *(\d+): "),
    "kvstore": re.compile(r"^(?!local_job: )()"),  # no marks: all is taken for the words of rank 0
    "torch": re.compile(r"^(?!local_job: )()"),
}


@dataclass(frozen=True)
class Engine:
    """A command line up to the user's command, and how it marks the output of each process."""

    command: list[str]
    prefix: re.Pattern[str]


def engine_of(plan: JobPlan, environment: Mapping[str, str]) -> Engine:
    """How to start ``plan``; its processes get the variables of ``environment``.

    Raises:
        SetupError: ENV06 no Horovod, ENV09 the program is missing.
        ConfigError: CLI02 the engine cannot do what the plan asks for.
        ResourceError: RES05 too little shared memory for MPI on this host, RES01 files too small.
    """
    is_for_torch = is_torch_installed() and plan.backend != "gloo"
    if plan.backend not in ("kvstore", "torch") and not is_horovod_installed() and not is_for_torch:
        raise SetupError(
            "ENV06",
            "horovod",
            "is not installed, so several processes cannot train together",
            f"run {horovod_command()}, which builds it; one process trains without",
        )
    starters = {
        "mpi": _mpirun,
        "gloo": _horovodrun,
        "srun": _srun,
        "kvstore": _local_job,
        "torch": _local_job,
    }
    return Engine(starters[plan.backend](plan, environment), _PREFIX_OF[plan.backend])


def _mpirun(plan: JobPlan, environment: Mapping[str, str]) -> list[str]:
    program = _program("mpirun", f"run {horovod_command()}, or use --backend gloo")
    if not plan.hosts:  # between hosts, TCP takes its place within them too
        check_shared_memory(plan.processes, environment)
    command = [program, "--output", "tag", "--bind-to", "none"]
    # Waiting processes give their core away, for there may be fewer cores than processes.
    command += ["--mca", "mpi_yield_when_idle", "1"]
    if os.geteuid() == 0:
        command.append("--allow-run-as-root")
    if plan.hosts:
        command += ["--host", ",".join(f"{host.name}:{host.slots}" for host in plan.hosts)]
        command += ["--map-by", "slot", "--prefix", str(Path(program).parents[1])]
        if plan.interface:
            command += ["--mca", "btl_tcp_if_include", plan.interface]
            command += ["--prtemca", "prte_if_include", plan.interface]
        for name in sorted(environment):  # names only: values travel inside the engine, not on a command line
            command += ["-x", name]
    else:
        command += ["--map-by", ":OVERSUBSCRIBE", "--host", f"localhost:{plan.processes}"]
        command += ["--mca", "btl", "self,sm"]  # its TCP transport would listen on all addresses
    return [*command, "-np", str(plan.processes)]


def _local_job(plan: JobPlan, environment: Mapping[str, str]) -> list[str]:
    if plan.hosts:
        name = f"--backend {plan.backend}"
        raise ConfigError("CLI02", name, "is for one host", "use --backend mpi for several")
    return [sys.executable, "-m", "gluonlab.launch.local_job", plan.backend, str(plan.processes)]


def _horovodrun(plan: JobPlan, environment: Mapping[str, str]) -> list[str]:
    if plan.hosts:
        raise ConfigError("CLI02", "--backend gloo", "is for one host", "use --backend mpi for several")
    start = [sys.executable, "-m", "gluonlab.launch.gloo_start"]
    return [*start, "--gloo", "-np", str(plan.processes), "--network-interfaces", "lo"]


def _srun(plan: JobPlan, environment: Mapping[str, str]) -> list[str]:
    program = _program("srun", "use --backend mpi outside SLURM")
    names = ",".join(sorted(environment))
    options = ["--label", "--kill-on-bad-exit=1", "--mpi=pmix", f"--export={names}"]
    if "SLURM_CPUS_PER_TASK" in os.environ:  # which srun itself has not looked at since SLURM 22.05
        options.append(f"--cpus-per-task={os.environ['SLURM_CPUS_PER_TASK']}")
    if plan.hosts:
        options.append("--nodelist=" + ",".join(host.name for host in plan.hosts))
    if plan.bind_cores:
        options.append("--cpu-bind=cores")
    return [program, *options, f"--ntasks={plan.processes}"]


def _program(name: str, hint: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise SetupError("ENV09", name, "is not installed", hint)
    return found
