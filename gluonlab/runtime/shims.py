"""What must be so before MXNet 1.9.1 is imported, and what is mended after; its files are not changed."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any

import numpy

from gluonlab.commands import install_command, pip_command
from gluonlab.errors import SetupError
from gluonlab.runtime.cuda_libraries import preload_cuda_libraries
from gluonlab.runtime.numpy_2 import adapt_to_numpy_2


def prepare_mxnet_import() -> None:
    """Before ``import mxnet``, or raise `SetupError` with what to install."""
    if "mxnet" in sys.modules:
        return
    if not (1, 21) <= _numpy_version() < (3,):
        raise SetupError(
            "ENV01",
            f"numpy {numpy.__version__}",
            "gluonlab and MXNet 1.9.1 run with NumPy 1.21 to 2.x",
            f"run {install_command()}, or: {pip_command('install', 'numpy<3')}",
        )
    if importlib.util.find_spec("mxnet") is None:
        raise SetupError(
            "ENV02",
            "mxnet",
            "is not installed",
            f"run {install_command()}, or: "
            f"{pip_command('install', '--no-deps', 'mxnet==1.9.1')}, and requests",
        )
    preload_cuda_libraries()


def mend_imported_mxnet(mx: Any) -> None:
    """Adapt MXNet to NumPy 2, after it was imported."""
    if _numpy_version() >= (2,):
        adapt_to_numpy_2(mx)


def _numpy_version() -> tuple[int, ...]:
    return tuple(int(number) for number in numpy.__version__.split(".")[:2])
