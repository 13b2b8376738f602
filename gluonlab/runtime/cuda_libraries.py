"""Loads CUDA 11 from the ``nvidia-*-cu11`` wheels, so that no system CUDA is needed.

``libmxnet.so`` of ``mxnet-cu112`` asks for its libraries by name. A library that is already in the
process under that name satisfies the loader, wherever it came from.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
from pathlib import Path
from typing import Optional

# In the order in which they need each other.
LIBRARIES = (
    ("cuda_runtime", "libcudart.so.11.0"),
    ("cuda_nvrtc", "libnvrtc.so.11.2"),
    ("nvtx", "libnvToolsExt.so.1"),
    ("cublas", "libcublasLt.so.11"),
    ("cublas", "libcublas.so.11"),
    ("cufft", "libcufft.so.10"),
    ("curand", "libcurand.so.10"),
    ("cusparse", "libcusparse.so.11"),
    ("cusolver", "libcusolver.so.11"),
    ("cudnn", "libcudnn.so.8"),
    ("nccl", "libnccl.so.2"),
)

# Set to "system" to leave the wheels alone and take what the system's loader finds.
ORIGIN = "GLUONLAB_CUDA"


def is_cuda_build_installed() -> bool:
    """Whether the MXNet of this environment is ``mxnet-cu112``."""
    try:
        importlib.metadata.version("mxnet-cu112")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def preload_cuda_libraries() -> list[Path]:
    """Load what the wheels bring; returns the files loaded. Does nothing for the CPU build.

    A library that no wheel brings is left to the system's loader, which also names it when it is
    missing there.

    Raises:
        OSError: a library of the wheels does not load.
    """
    if not is_cuda_build_installed():
        return []
    paths = [path for path in (wheel_library(*library) for library in LIBRARIES) if path]
    for path in paths:
        ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
    return paths


def wheel_library(package: str, library: str) -> Optional[Path]:
    """The file of ``library`` in the wheel of ``package``; None to leave it to the system."""
    spec = importlib.util.find_spec("nvidia") if os.environ.get(ORIGIN) != "system" else None
    roots = spec.submodule_search_locations if spec else None
    paths = (Path(root) / package / "lib" / library for root in roots or ())
    return next((path for path in paths if path.exists()), None)
