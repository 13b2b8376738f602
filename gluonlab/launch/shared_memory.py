"""Room for the files in memory through which Open MPI's processes of one host exchange data."""

from __future__ import annotations

import os
import resource
import shutil
from collections.abc import Mapping
from pathlib import Path

from gluonlab.errors import ResourceError
from gluonlab.runtime.variables import whole_number

KIB, MIB = 1 << 10, 1 << 20
# Open MPI 5's variables and defaults: each process makes a file of this size, if 5 % more is free.
FOLDER, SIZE = "OMPI_MCA_btl_sm_backing_directory", "OMPI_MCA_btl_sm_segment_size"
DEFAULT_FOLDER, DEFAULT_BYTES = "/dev/shm", 16 * MIB
# Its pages come as they are used. So much of the files of others is there (84 KiB) when the last one looks.
_BYTES_AT_START = 128 * KIB
_MOST_BYTES = 1 << 40


def check_shared_memory(processes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to start ``processes`` on this host where Open MPI has no room for what they exchange.

    Raises:
        ResourceError: RES05 too little shared memory, RES01 a limit on the size of files.
        SetupError: ENV30 a variable of Open MPI holds no size.
    """
    if processes == 1:
        return
    folder = Path(environment.get(FOLDER) or DEFAULT_FOLDER)
    size = whole_number(environment, SIZE, 1, _MOST_BYTES, default=DEFAULT_BYTES)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    if limit != resource.RLIM_INFINITY and limit < size:
        what = f"allows files of {limit // KIB:,} KiB, Open MPI makes some of {size // KIB:,} KiB"
        raise ResourceError(
            "RES01", "ulimit -f", what, f"ulimit -f {size // KIB}, or more, or --backend gloo"
        )
    hint = "make it larger (docker run --shm-size=1g), or --backend gloo"
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise ResourceError("RES05", str(folder), f"cannot be used: {error.strerror}", hint) from None
    needed = round(1.05 * size) + processes * _BYTES_AT_START
    if free < needed:
        what = f"{free / MIB:,.2f} MiB are free, {processes} processes need {needed / MIB:,.2f} MiB at least"
        raise ResourceError("RES05", str(folder), what, hint)
