"""The MPI library of this environment, for a Horovod that was built in another one."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path


def load_mpi_library() -> None:
    """Load ``libmpi`` before Horovod is imported, here or in a child that is forked.

    A Horovod from the cache looks for it where it was built, which may be gone; the loader takes a library
    of that name that the process has already. Nothing is done where MPI is not that of the environment.
    """
    library = Path(sys.prefix) / "lib" / "libmpi.so.40"
    if library.exists():
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
