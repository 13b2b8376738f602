"""What the launcher that started this process says about it, read from the environment only."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import psutil

from gluonlab.runtime.variables import (
    THREADS,
    check_variables,
    take_first_of_thread_list,
    whole_number,
)
from gluonlab.supervision.variables import PLACE

MOST_PROCESSES = 1_000_000

# size, rank, local rank, processes on this host; first match counts
KVSTORE_LAUNCHER = PLACE
_LAUNCHERS = {
    "kvstore": KVSTORE_LAUNCHER,
    "Horovod": ("HOROVOD_SIZE", "HOROVOD_RANK", "HOROVOD_LOCAL_RANK", "HOROVOD_LOCAL_SIZE"),
    "Open MPI": (
        "OMPI_COMM_WORLD_SIZE",
        "OMPI_COMM_WORLD_RANK",
        "OMPI_COMM_WORLD_LOCAL_RANK",
        "OMPI_COMM_WORLD_LOCAL_SIZE",
    ),
    "MPI": ("PMI_SIZE", "PMI_RANK", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
}
_TORCHRUN = ("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE")


@dataclass(frozen=True)
class LaunchedProcess:
    """The own process as its launcher sees it; size 1 and no launcher when started by hand."""

    launcher: Optional[str] = None
    size: int = 1
    rank: int = 0
    local_rank: int = 0
    local_size: int = 1


ALONE = LaunchedProcess()


def launched_process(environment: Mapping[str, str] = os.environ) -> LaunchedProcess:
    """Find the launcher of this process; ``srun`` counts when it started more than one task.

    Raises:
        SetupError: ENV30 if one of its variables holds no number that makes sense.
    """
    for launcher, (size, rank, local_rank, local_size) in _LAUNCHERS.items():
        if size in environment and rank in environment:
            return _placed(environment, launcher, size, rank, local_rank, local_size)
    if "SLURM_STEP_ID" in environment and environment.get("SLURM_NTASKS", "1") != "1":
        tasks_here = environment.get("SLURM_NTASKS_PER_NODE", "")
        local_size = "SLURM_NTASKS_PER_NODE" if tasks_here.isdecimal() else ""  # it may be 8(x2)
        return _placed(environment, "srun", "SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", local_size)
    if "TORCHELASTIC_RUN_ID" in environment:  # RANK alone may be anybody's
        return _placed(environment, "torchrun", *_TORCHRUN)
    return ALONE


def _placed(
    environment: Mapping[str, str], launcher: str, size: str, rank: str, local_rank: str, local_size: str
) -> LaunchedProcess:
    """What ``environment`` says under these four names."""
    processes = whole_number(environment, size, 1, MOST_PROCESSES)
    return LaunchedProcess(
        launcher,
        processes,
        whole_number(environment, rank, 0, processes - 1, default=0),
        whole_number(environment, local_rank, 0, processes - 1, default=0),
        whole_number(environment, local_size, 1, processes, default=1),
    )


def is_horovod_installed() -> bool:
    """Whether Horovod can be found; nothing is imported."""
    return importlib.util.find_spec("horovod") is not None


def is_torch_installed() -> bool:
    """Whether PyTorch can be found; nothing is imported."""
    return importlib.util.find_spec("torch") is not None


def set_cpu_threads(cpu_threads: Optional[int], local_size: int) -> int:
    """Fix the compute threads of this process; MXNet reads them once, when it is imported.

    The default shares the cores of this host among its processes; a value the user set in
    ``OMP_NUM_THREADS`` stays. Returns the number of threads.

    Raises:
        SetupError: ENV30 if that is no number of threads.
    """
    if cpu_threads is None and os.environ.get(THREADS):
        check_variables()
        take_first_of_thread_list()
        return int(os.environ[THREADS])
    cores = len(psutil.Process().cpu_affinity())
    threads = cpu_threads or max(1, cores // local_size)
    os.environ[THREADS] = str(threads)
    return threads


def bind_to_cores(local_rank: int, local_size: int) -> bool:
    """Keep this process to its share of the cores of this host, those of one socket beside each other.

    False, and nothing is done, if there are fewer cores than processes.
    """
    cores = sorted(os.sched_getaffinity(0))
    if local_size < 2 or len(cores) < local_size:
        return False
    first, beyond = (len(cores) * rank // local_size for rank in (local_rank, local_rank + 1))
    os.sched_setaffinity(0, cores[first:beyond])
    return True


def has_cpu_feature(name: str) -> bool:
    """Whether the processor has an instruction set, by Linux's name for it, as ``avx512_bf16``."""
    try:
        return f" {name} " in Path("/proc/cpuinfo").read_text().replace("\n", " ")
    except OSError:
        return False
