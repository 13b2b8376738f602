"""Which of the user's variables reach the processes: those on a list, never a secret by chance; and ours."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path

from gluonlab.disk import writing
from gluonlab.launch.plan import JobPlan
from gluonlab.supervision.switchboard import Switchboard
from gluonlab.supervision.variables import (
    ADDRESS,
    ATTEMPT,
    BIND,
    COMMAND,
    HEIRS,
    INHERITANCE,
    KEY,
    KEY_FILE,
    LIMITS,
    RINGS,
    TERMINAL,
    TERMINAL_WIDTH,
)

_NAMES = {
    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "PWD", "TZ", "TERM", "COLUMNS", "LANG", "LANGUAGE", "TMPDIR",
    "LD_LIBRARY_PATH", "LD_PRELOAD", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUNBUFFERED", "PYTHONWARNINGS",
    "VIRTUAL_ENV", "CUDA_VISIBLE_DEVICES", "SSL_CERT_FILE", "KRB5CCNAME",
}  # fmt: skip
_PREFIXES = (
    "GLUONLAB_", "MXNET_", "HOROVOD_", "OMP_", "KMP_", "MKL_", "DNNL_", "GOMP_", "CUDA_", "CUDNN_", "NCCL_",
    "NVIDIA_", "OMPI_", "PRTE_", "PMIX_", "PMI_", "UCX_", "FI_", "GLOO_", "DMLC_", "SLURM_", "LC_", "XDG_",
)  # fmt: skip
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|AUTH", re.IGNORECASE)


def job_environment(environment: Mapping[str, str], more: Sequence[str] = ()) -> dict[str, str]:
    """The part of ``environment`` that a job gets: known names and prefixes, and the names in ``more``.

    A name that looks like that of a secret passes only if it is in ``more``.
    """
    return {
        name: value
        for name, value in environment.items()
        if name in more or ((name in _NAMES or name.startswith(_PREFIXES)) and not _SECRET.search(name))
    }


def environment_of(plan: JobPlan, attempt: int, board: Switchboard, private: Path) -> dict[str, str]:
    """The variables of the processes of ``plan``, and of the program that starts them."""
    environment = job_environment(os.environ, plan.pass_environment)
    environment.update(
        {
            ADDRESS: f"{plan.address}:{board.port}",
            ATTEMPT: str(attempt),
            RINGS: str(private) if plan.is_local else "",
            LIMITS: f"{plan.limits.startup:g},{plan.limits.idle:g}",
            COMMAND: "\n".join(["gluonlab", *sys.argv[1:]]),
            TERMINAL_WIDTH: "0",
            # A late process is not a lost one: the watch over the job decides, not a timer of the engine.
            "HOROVOD_GLOO_TIMEOUT_SECONDS": str(ceil(plan.limits.startup)),
        }
    )
    if plan.backend == "gloo":  # horovodrun puts the environment on a command line, where all can read it
        file = private / "key"
        file.touch(mode=0o600)
        with writing(file):
            file.write_text(board.key)
        environment[KEY_FILE] = str(file)
    else:
        environment[KEY] = board.key
    if plan.backend == "mpi" and plan.is_local:
        # By default /tmp/ompi.PID, which a killed mpirun leaves behind: when the number comes round again,
        # "PMIx server's listener thread failed to start".
        environment["PRTE_MCA_prte_local_tmpdir_base"] = str(private)
    if plan.heirs:
        environment[HEIRS] = plan.heirs
    if plan.inheritance:
        environment[INHERITANCE] = plan.inheritance.to_text()
    if plan.bind_cores and plan.backend != "srun":
        environment[BIND] = "1"
    if sys.stdout.isatty():
        environment[TERMINAL] = os.ttyname(sys.stdout.fileno())
        environment[TERMINAL_WIDTH] = str(shutil.get_terminal_size().columns)
    return environment
