"""What the launcher that started this process says about it, read from the environment only."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import psutil

# size, rank, local rank, processes on this host; first match counts
KVSTORE_LAUNCHER = ("GLUONLAB_SIZE", "GLUONLAB_RANK", "GLUONLAB_LOCAL_RANK", "GLUONLAB_LOCAL_SIZE")
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
    """Find the launcher of this process; ``srun`` counts when it started more than one task."""
    for launcher, (size, rank, local_rank, local_size) in _LAUNCHERS.items():
        if size in environment and rank in environment:
            return LaunchedProcess(
                launcher,
                int(environment[size]),
                int(environment[rank]),
                int(environment.get(local_rank, 0)),
                int(environment.get(local_size, 1)),
            )
    if "SLURM_STEP_ID" in environment and int(environment.get("SLURM_NTASKS", "1")) > 1:
        tasks_here = environment.get("SLURM_NTASKS_PER_NODE", "1")
        return LaunchedProcess(
            "srun",
            int(environment["SLURM_NTASKS"]),
            int(environment.get("SLURM_PROCID", 0)),
            int(environment.get("SLURM_LOCALID", 0)),
            int(tasks_here) if tasks_here.isdigit() else 1,
        )
    return ALONE


def is_horovod_installed() -> bool:
    """Whether Horovod can be found; nothing is imported."""
    return importlib.util.find_spec("horovod") is not None


def set_cpu_threads(cpu_threads: Optional[int], local_size: int) -> int:
    """Fix the compute threads of this process; MXNet reads them once, when it is imported.

    The default shares the cores of this host among its processes; a value the user set in
    ``OMP_NUM_THREADS`` stays. Returns the number of threads.
    """
    chosen = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()  # a list has one for each nesting
    if cpu_threads is None and chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    cores = len(psutil.Process().cpu_affinity())
    threads = cpu_threads or max(1, cores // local_size)
    os.environ["OMP_NUM_THREADS"] = str(threads)
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
