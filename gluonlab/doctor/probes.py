"""What may crash, hang or exit, and therefore runs in a process of its own: prints one line of JSON.

usage: python -m gluonlab.doctor.probes NAME [ARGUMENT ...]
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import re
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from gluonlab.errors import GluonlabError
from gluonlab.runtime.leaving import leave


def mxnet() -> dict[str, Any]:
    """MXNet imported and asked to compute."""
    start = time.monotonic()
    from gluonlab.runtime.mxnet import mx, nd

    if nd.ones(3).sum().asscalar() != 3:
        raise RuntimeError("1 + 1 + 1 is not 3")
    features = [name for name, feature in mx.runtime.Features().items() if feature.enabled]
    return {"features": features, "seconds": time.monotonic() - start, "file": mx.__file__}


def horovod() -> dict[str, Any]:
    """Horovod imported, initialised, and what it was built with."""
    from gluonlab.parallel.horovod_world import HorovodWorld, horovod_build

    world = HorovodWorld()
    values = {**horovod_build(), "size": world.size}
    world.shutdown()
    return values


def driver() -> dict[str, Any]:
    """The CUDA driver and its GPUs."""
    from gluonlab.runtime.cuda_driver import DriverMissingError, read_gpus

    try:
        version, gpus = read_gpus()
    except DriverMissingError as error:
        return {"missing": str(error)}
    return {"cuda": version, "gpus": [asdict(gpu) for gpu in gpus]}


def cuda_libraries() -> dict[str, Any]:
    """Each CUDA library that MXNet needs: the file it comes from, or why it does not load."""
    from gluonlab.runtime.cuda_libraries import LIBRARIES, wheel_library

    found = {}
    for package, name in LIBRARIES:
        path = wheel_library(package, name)
        try:
            ctypes.CDLL(str(path or name), mode=ctypes.RTLD_GLOBAL)
            found[name] = {"file": _mapped_file(name), "is_wheel": path is not None}
        except OSError as error:
            found[name] = {"error": str(error)}
    return {"libraries": found, "versions": _library_versions()}


def _mapped_file(name: str) -> str:
    """Where the loader took ``name`` from."""
    stem = re.escape(name.split(".so")[0])
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if re.search(rf"/{stem}(-[\d.]+)?\.so", path):
            return path
    return name


def _library_versions() -> dict[str, str]:
    versions = {}
    number = ctypes.c_int()
    for name, library, function in (
        ("CUDA runtime", "libcudart.so.11.0", "cudaRuntimeGetVersion"),
        ("NCCL", "libnccl.so.2", "ncclGetVersion"),
    ):
        try:
            getattr(ctypes.CDLL(library), function)(ctypes.byref(number))
        except (OSError, AttributeError):
            continue
        if number.value:  # the runtime has no word without a driver
            versions[name] = _dotted(name, number.value)
    with contextlib.suppress(OSError, AttributeError):
        versions["cuDNN"] = _dotted("cuDNN", ctypes.CDLL("libcudnn.so.8").cudnnGetVersion())
    return versions


def _dotted(library: str, number: int) -> str:
    """11080 -> 11.8 (CUDA), 22105 -> 2.21.5 (NCCL), 8906 -> 8.9.6 (cuDNN)."""
    if library == "CUDA runtime":
        return f"{number // 1000}.{number % 1000 // 10}"
    major, rest = divmod(number, 10_000 if library == "NCCL" else 1_000)
    return f"{major}.{rest // 100}.{rest % 100}"


def training_step(folder: str) -> dict[str, Any]:
    """One update and a checkpoint round trip in ``folder``."""
    from gluonlab.doctor.toy import train_and_restore

    return train_and_restore(Path(folder))


def all_reduce(backend: str) -> dict[str, Any]:
    """A sum over two processes that ``backend`` starts."""
    from gluonlab.doctor.toy import launch_sum

    return launch_sum(backend)


def add_up() -> dict[str, Any]:
    """What each process of `all_reduce` runs."""
    from gluonlab.doctor.toy import add_up

    return add_up()


PROBES: dict[str, Callable[..., dict[str, Any]]] = {
    probe.__name__: probe
    for probe in (mxnet, horovod, driver, cuda_libraries, training_step, all_reduce, add_up)
}


def main(name: str, *arguments: str) -> NoReturn:
    """Run a probe and print what it returned, or the error of ours that it raised."""
    try:
        answer: dict[str, Any] = {"values": PROBES[name](*arguments)}
    except GluonlabError as error:
        problem = error.problems[0]
        answer = {"error": f"{problem.where}: {problem.what}", "mend": problem.hint}
    except Exception:
        traceback.print_exc()
        leave(1)
    print(json.dumps(answer))
    leave(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
