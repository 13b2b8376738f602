"""What the system lets a process have: refused where it is too little to start, named where it ran out."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from typing import Optional

from gluonlab.errors import Problem, ResourceError

# By kind of limit: the option of ulimit, in KiB; what it is; what a process takes at least that trains
# alone, and one that Horovod runs in. Measured with configs/digits.yaml, whose arrays are next to nothing.
_LEAST_KIB = {
    resource.RLIMIT_AS: ("-v", "address space", 1_500_000, 2_250_000),
    resource.RLIMIT_DATA: ("-d", "data", 500_000, 1_000_000),
    resource.RLIMIT_STACK: ("-s", "stack", 512, 512),
}

# Threads beside its first that a process starts that trains alone, one that Horovod runs in, and those of
# a launcher and the program that it starts.
_THREADS_ALONE, _THREADS_LAUNCHED, _THREADS_OF_LAUNCHER = 9, 13, 10

_MEMORY_SIGNS = (
    "Failed to allocate",  # MXNet on a CPU, OpenCV
    "cudaMalloc failed: out of memory",
    "std: :bad_alloc",  # MXNet puts a blank into what C++ says
    "std::bad_alloc",
    "AlignedMallocPitch failed",
    "failed to map segment",  # the loader
    "Insufficient memory",  # OpenCV
)
_THREAD_SIGNS = (
    "can't start new thread",
    "unable to start watchdog thread",
    "Resource temporarily unavailable",
    "Too many open files",
)
# No more open files in this process or this system, or no more processes of this user.
_NO_MORE = (errno.EMFILE, errno.ENFILE, errno.EAGAIN)


def check_limits(*, is_launched: bool = False) -> None:
    """Refuse to start under limits with which MXNet, or Horovod if ``is_launched``, would crash or hang.

    Raises:
        ResourceError: RES03, for each limit that is too low.
    """
    problems = []
    for kind, (option, what, alone, launched) in _LEAST_KIB.items():
        least, limit = launched if is_launched else alone, _limit_kib(kind)
        if limit is not None and limit < least:
            found = f"allows {limit:,} KiB of {what}, a process that trains takes {least:,} or more"
            problems.append(Problem("RES03", f"ulimit {option}", found, f"ulimit {option} {least}, or more"))
    if problems:
        raise ResourceError.from_problems(problems)


def check_threads(*, is_launched: bool = False) -> None:
    """Refuse to train in this process where it may not have the threads for it.

    Raises:
        ResourceError: RES02, with the limit that stands in the way.
    """
    _check_threads(_THREADS_LAUNCHED if is_launched else _THREADS_ALONE)


def check_threads_of_job(processes: int) -> None:
    """Refuse to launch ``processes`` on this host where they may not have their threads.

    Raises:
        ResourceError: RES02, with the limit that stands in the way.
    """
    _check_threads(_THREADS_OF_LAUNCHER + processes * (1 + _THREADS_LAUNCHED))


def _check_threads(wanted: int) -> None:
    for limit, left in (("ulimit -u", _left_of_user()), ("pids.max of the control group", _left_of_group())):
        if left is not None and left < wanted:
            what = f"{left} more processes and threads are allowed, {wanted} are needed"
            raise ResourceError("RES02", limit, what, f"raise it by {wanted - left} or more")


def limits_in_force() -> str:
    """Limits of memory and processor time that are in force, as ``ulimit -v 700000``; empty if none is."""
    limits = {"-v": _limit_kib(resource.RLIMIT_AS), "-d": _limit_kib(resource.RLIMIT_DATA)}
    seconds = resource.getrlimit(resource.RLIMIT_CPU)[0]
    limits["-t"] = None if seconds == resource.RLIM_INFINITY else seconds
    return ", ".join(f"ulimit {option} {limit}" for option, limit in limits.items() if limit is not None)


def short_of(error: BaseException) -> Optional[ResourceError]:
    """``error`` as the lack of memory, threads or open files that it tells of; None if it tells of none."""
    number, what = getattr(error, "errno", None), getattr(error, "strerror", None)
    if isinstance(error, MemoryError) or number == errno.ENOMEM:
        return _short_of_memory()
    if number == errno.EFBIG:
        where = str(getattr(error, "filename", None) or "a file")
        return ResourceError("RES01", where, str(what), "raise the limit: ulimit -f")
    return _short_of_threads(str(what)) if number in _NO_MORE else short_in_words(str(error))


def short_in_words(words: str) -> Optional[ResourceError]:
    """The lack of memory, threads or open files that the ``words`` of a library tell of, if they do."""
    if any(sign in words for sign in _MEMORY_SIGNS):
        return _short_of_memory()
    sign = next((sign for sign in _THREAD_SIGNS if sign in words), None)
    return _short_of_threads(sign) if sign else None


def _short_of_memory() -> ResourceError:
    limits = limits_in_force()
    or_raise = f", or raise the limits in force ({limits})" if limits else ""
    return ResourceError("RES03", "memory", "out of memory", f"use a smaller worker_batch_size{or_raise}")


def _short_of_threads(what: str) -> ResourceError:
    limits = limits_in_force()
    hint = "raise the limits: ulimit -n, ulimit -u" + (f"; in force: {limits}" if limits else "")
    return ResourceError("RES02", "files and threads", what, hint)


def _left_of_user(processes: Path = Path("/proc")) -> Optional[int]:
    """Processes and threads that this user may still start; None if that is not limited."""
    limit = resource.getrlimit(resource.RLIMIT_NPROC)[0]
    if limit == resource.RLIM_INFINITY or os.getuid() == 0:  # whom Linux does not count
        return None
    return max(0, limit - sum(map(_threads_of_user, processes.glob("[0-9]*/status"))))


def _threads_of_user(status: Path) -> int:
    """Threads of a process if it is this user's, else 0."""
    try:
        lines = status.read_text(errors="replace").splitlines()
    except OSError:  # it has ended
        return 0
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["Threads"]) if fields["Uid"].split()[0] == str(os.getuid()) else 0


def _left_of_group(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> Optional[int]:
    """Processes and threads that the control group, and those it lies in, may still have; None if any."""
    try:
        groups = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except OSError:
        return None
    lefts = []
    for _, controllers, path in groups:
        if "pids" in controllers.split(",") or not controllers:
            root = mount / "pids" if controllers else mount
            group = root / path.lstrip("/")
            within = [folder for folder in (group, *group.parents) if root in (folder, *folder.parents)]
            lefts += [left for left in map(_left_in, within) if left is not None]
    return min(lefts, default=None)


def _left_in(group: Path) -> Optional[int]:
    try:
        limit = (group / "pids.max").read_text().strip()
        current = int((group / "pids.current").read_text())
    except (OSError, ValueError):
        return None
    return None if limit == "max" else max(0, int(limit) - current)


def _limit_kib(kind: int) -> Optional[int]:
    """The limit in force; None if there is none."""
    limit = resource.getrlimit(kind)[0]
    return None if limit == resource.RLIM_INFINITY else limit // 1024
