"""Threads, memory, files, disks and the clock of this machine, or of its container."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from gluonlab.doctor.finding import Finding, fail, ok, warn

SHM = Path("/dev/shm")
MIB, GIB = 1 << 20, 1 << 30
_PROBE_BYTES = MIB


def check_machine(folder: Path) -> Iterator[Finding]:
    """The resources of this machine; runs are to be written below ``folder``."""
    yield check_threads()
    yield _check_memory()
    yield check_shared_memory()
    yield _check_file_limits()
    yield check_disk("disk", folder)
    yield check_disk("temporary files", Path(tempfile.gettempdir()))
    yield check_cache()
    yield _check_clock(folder)


def check_threads() -> Finding:
    """Cores that this process may use against the threads it will start."""
    allowed, cores = len(psutil.Process().cpu_affinity()), psutil.cpu_count() or 1
    quota = _cpu_quota()
    chosen = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    found = f"{allowed} of {cores} cores" + (f", a quota of {quota:g}" if quota else "")
    found += f", OMP_NUM_THREADS={chosen}" if chosen else ""
    if chosen.isdecimal() and int(chosen) > allowed:
        return warn("threads", f"{found}: more threads than cores", f"export OMP_NUM_THREADS={allowed}")
    if quota and quota < allowed:
        return warn(
            "threads",
            f"{found}: more threads than the container may run",
            f"cpu_threads={max(1, int(quota))}",
        )
    if allowed == 1 < cores:
        return warn(
            "threads", f"{found}: the launcher bound this process to one", "start it with --bind-to none"
        )
    return ok("threads", found)


def _cpu_quota() -> float:
    """Cores that the container may use; 0 if it may use all."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return 0 if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return 0


def _check_memory() -> Finding:
    memory = psutil.virtual_memory()
    found = f"{memory.available / GIB:.1f} of {memory.total / GIB:.1f} GiB free"
    if memory.available < GIB:
        return warn("memory", found, "end what else runs here, or use a smaller worker_batch_size")
    return ok("memory", found)


def check_shared_memory() -> Finding:
    """Where MPI and NCCL exchange data within a host."""
    mend = "start the container with --shm-size=1g (Kubernetes: an emptyDir of medium Memory at /dev/shm)"
    try:
        usage = shutil.disk_usage(SHM)
    except OSError as error:
        return fail("/dev/shm", f"cannot be read: {error.strerror}", mend)
    found = f"{usage.free / MIB:,.0f} of {usage.total / MIB:,.0f} MiB free"
    if usage.free < 16 * MIB:
        return fail("/dev/shm", f"{found}: processes of one host cannot exchange data", mend)
    if usage.free < 256 * MIB:
        return warn("/dev/shm", f"{found}: too little for many processes on one host", mend)
    return ok("/dev/shm", found)


def _check_file_limits() -> Finding:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    locked, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    found = f"{files if files >= 0 else 'unlimited'} open files"
    if 0 <= files < 1024:
        return warn("limits", found, "ulimit -n 4096")
    if Path("/sys/class/infiniband").is_dir() and 0 <= locked < GIB:
        return warn(
            "limits",
            f"{found}, {locked / MIB:.0f} MiB of locked memory: too little for InfiniBand",
            "ulimit -l unlimited",
        )
    return ok("limits", found)


def check_disk(name: str, folder: Path) -> Finding:
    """Whether a file can be written and flushed in ``folder``, and how much is free."""
    mend = "free some space, or set run_dir to another disk"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
        free = shutil.disk_usage(folder).free / GIB
    except OSError as error:
        return fail(name, f"{folder} cannot be written: {error.strerror}", mend)
    if free < 1:
        return warn(name, f"{free:.2f} GiB free in {folder}, written and flushed", mend)
    return ok(name, f"{free:.0f} GiB free in {folder}, written and flushed")


def check_cache() -> Finding:
    """Where the installer keeps the Horovod that it built."""
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    cache = Path(os.environ.get("GLUONLAB_CACHE") or Path(home) / "gluonlab")
    existing = next(parent for parent in (cache, *cache.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ok("cache", f"{cache} can be written")
    except OSError as error:
        return warn(
            "cache",
            f"{cache} cannot be written ({error.strerror}): Horovod is built anew for each environment",
            'export GLUONLAB_CACHE="$(mktemp -d)", or another folder that can be written',
        )


def _check_clock(folder: Path) -> Finding:
    year = time.gmtime().tm_year
    if year < 2024:
        return fail("clock", f"says {year}", "set it; TLS certificates are refused until then")
    try:
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            skew = os.stat(file.name).st_mtime - time.time()
    except OSError:
        return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"))
    if abs(skew) > 2:
        return warn(
            "clock",
            f"the file server of {folder} is {skew:+.0f} s off this host",
            "synchronise both (chrony, ntpd)",
        )
    return ok("clock", time.strftime("%Y-%m-%d %H:%M:%S %Z"))
