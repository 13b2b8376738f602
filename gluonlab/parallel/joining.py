"""Which world a process joins: over Horovod, over kvstore, or a world of its own."""

from __future__ import annotations

from typing import Optional

from gluonlab.errors import SetupError
from gluonlab.parallel.environment import launched_process
from gluonlab.parallel.world import SingleProcess, World
from gluonlab.runtime.limits import check_limits
from gluonlab.supervision.progress import Progress


def join_world(progress: Optional[Progress] = None) -> World:
    """The world this process was started in: over Horovod or kvstore under a launcher, else of size 1.

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
    if started.launcher == "kvstore":
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
