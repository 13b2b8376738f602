"""Which world a process joins: over Horovod, over kvstore, or a world of its own."""

from __future__ import annotations

import os
from typing import Optional

from gluonlab.errors import SetupError
from gluonlab.parallel.environment import launched_process
from gluonlab.parallel.world import SingleProcess, World
from gluonlab.runtime.limits import check_limits
from gluonlab.supervision.progress import Progress

SERVER = "DMLC_PS_ROOT_URI"
"""The variable that says where MXNet's parameter server is."""


def join_world(progress: Optional[Progress] = None, engine: str = "mxnet") -> World:
    """The world this process was started in, of size 1 without a launcher.

    It adds up arrays of ``engine``: over torch.distributed for "torch", else over Horovod or kvstore.
    ``progress`` is kept up to date with what the process does in it.

    Raises:
        SetupError: the launcher started several processes but Horovod is missing or sees another number.
        ResourceError: RES03 a limit is too low to start with.
    """
    started = launched_process()
    check_limits(is_launched=started.size > 1)
    import gluonlab.runtime.mxnet  # noqa: F401  (a user's own `import mxnet` works from here on)

    if started.size == 1:
        return SingleProcess(progress)
    if engine == "torch":
        from gluonlab.torch_engine.world import join_torch_world

        return join_torch_world(started, progress)
    if started.launcher == "kvstore":
        if SERVER not in os.environ:
            raise SetupError(
                "ENV82",
                "--backend torch",
                "has no parameter server, and arrays of MXNet are to be added up",
                "add engine=torch, or use --backend mpi",
            )
        from gluonlab.parallel.kvstore_world import KVStoreWorld

        return KVStoreWorld("dist_sync", started, progress)
    from gluonlab.parallel.horovod_world import HorovodWorld

    world = HorovodWorld(progress)
    if world.size != started.size:
        raise SetupError(
            "ENV05",
            f"{started.launcher} started {started.size} processes",
            f"but Horovod sees {world.size}",
            "start it by launch, or by horovodrun or mpirun of this environment",
        )
    return world
