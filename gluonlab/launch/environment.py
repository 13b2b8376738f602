"""Which of the user's variables reach the processes: those on a list, never a secret by chance."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

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
