"""What was measured on: processor, cores, memory, and how much of it a process has used."""

from __future__ import annotations

import contextlib
import gc
import platform
from pathlib import Path
from typing import Any

import psutil

from gluonlab import arrays as libraries
from gluonlab.runtime.memory import release_freed_memory
from gluonlab.runtime.mxnet import mx

GIB = 2**30


def describe_machine() -> dict[str, Any]:
    """Processor, cores this process may use, memory, Python; with GPUs, their number."""
    gpus = mx.context.num_gpus()
    return {
        "processor": processor_name(),
        "cores": available_cores(),
        "memory_gib": round(psutil.virtual_memory().total / GIB),
        "python": platform.python_version(),
        **({"gpus": gpus} if gpus else {}),
    }


def processor_name() -> str:
    """The processor's model name, as Linux gives it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(psutil.Process().cpu_affinity())


def reset_peak_memory() -> None:
    """Count the peak of this process from here on, without what an earlier measurement has left."""
    gc.collect()
    release_freed_memory()
    with contextlib.suppress(
        OSError
    ):  # a container may forbid it: the peak is then that of the whole process
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_bytes(ctx: Any) -> int:
    """Largest resident memory since `reset_peak_memory`; on a GPU all that is in use there."""
    library = libraries.of(ctx)
    if not library.is_on_host(ctx):
        return library.bytes_in_use(ctx)
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    return psutil.Process().memory_info().rss
