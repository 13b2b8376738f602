"""The World over Horovod; the only module that imports it."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Optional

import numpy as np

from gluonlab.commands import horovod_command
from gluonlab.disk import reading
from gluonlab.errors import SetupError
from gluonlab.parallel.accumulation import pairwise_sum
from gluonlab.parallel.environment import is_horovod_installed
from gluonlab.parallel.host_stage import HostStage, stages_by_type
from gluonlab.parallel.world import World
from gluonlab.runtime.mpi_library import load_mpi_library
from gluonlab.supervision.progress import JOINING, LEAVING, Progress

# A bucket is one collective. Small enough that the first are under way while backward still runs,
# large enough that the latency of a collective does not count.
BUCKET_BYTES = 8 << 20

_log = logging.getLogger("gluonlab")


class HorovodWorld(World):
    """Processes started by mpirun, horovodrun or srun."""

    def __init__(self, progress: Optional[Progress] = None, *, stage_on_host: bool = False) -> None:
        """``stage_on_host``: add up on the host whatever the device, as for GPUs where there is no NCCL."""
        self.progress = progress or Progress()
        self._hvd = _import_horovod()
        with self.progress.doing(JOINING):
            self._hvd.init()
        self.rank, self.size = self._hvd.rank(), self._hvd.size()
        self.local_rank, self.local_size = self._hvd.local_rank(), self._hvd.local_size()
        self._exchanges = 0
        self._flat: dict[tuple[str, int, Any], Any] = {}
        self._stage_on_host = stage_on_host
        self._stages: dict[str, list[HostStage]] = {}

    def broadcast(self, arrays: Sequence[Any]) -> None:
        """In sums: Horovod's own broadcast reads its name once more when that may have been freed."""
        super().broadcast(arrays)
        self._stages.pop("broadcast", None)  # the next one may be of other arrays

    def adds_halves_slowly(self, ctx: Any) -> bool:
        """Over Gloo, which converts each number in software; MPI has Horovod's own sum, NCCL the GPU's."""
        is_on_host = ctx.device_type == "cpu" or self._stage_on_host or not self._hvd.nccl_built()
        return is_on_host and bool(self._hvd.gloo_enabled()) and not self._hvd.mpi_enabled()

    def sum(self, arrays: Sequence[Any], name: str) -> None:
        """Sums in buckets, the last arrays first: backward finishes those first."""
        with self._readable(arrays, name) as readable:
            buckets = list(_buckets(readable))
            with self.progress.collective(name, sum(size for _, size in buckets)):
                for number, (bucket, _) in enumerate(buckets):
                    # average=True would divide in another place on GPU builds than on CPU builds
                    self._hvd.grouped_allreduce_(bucket, average=False, name=f"{name}.{number}")

    def sum_in_pairs(self, arrays: Sequence[Any], name: str) -> None:
        """One gather of all arrays laid end to end: a gather for each would take a hundred times as long."""
        from gluonlab.runtime.mxnet import nd

        ends = np.cumsum([array.size for array in arrays])
        key = (name, int(ends[-1]), arrays[0].dtype)
        if key not in self._flat:
            self._flat[key] = nd.empty((1, int(ends[-1])), arrays[0].context, arrays[0].dtype)
        flat = self._flat[key][0]  # a view
        parts = [flat[int(end) - array.size : int(end)] for array, end in zip(arrays, ends)]
        for array, part in zip(arrays, parts):
            array.reshape(-1).copyto(part)
        with self.progress.collective(name, int(ends[-1]) * np.dtype(arrays[0].dtype).itemsize):
            gathered = self._hvd.allgather(self._flat[key], name=name)
        pairwise_sum([gathered[rank] for rank in range(self.size)]).copyto(flat)
        for array, part in zip(arrays, parts):
            part.reshape(array.shape).copyto(array)

    @contextmanager
    def _readable(self, arrays: Sequence[Any], name: str) -> Iterator[Sequence[Any]]:
        """``arrays``, or buffers on the host that go back into them where Horovod cannot read a GPU."""
        if arrays[0].context.device_type == "gpu" and not self._hvd.nccl_built() and not self._stage_on_host:
            self._stage_on_host = True
            if self.rank == 0:
                _log.warning("Horovod has no NCCL: what GPUs share is added up through a buffer on the host")
        if not self._stage_on_host:
            yield arrays
            return
        if name not in self._stages:
            self._stages[name] = stages_by_type(arrays)
        stages = self._stages[name]
        for stage in stages:
            stage.fetch()
        yield [stage.buffer for stage in stages]
        for stage in stages:
            stage.put_back()

    def exchange(self, text: str) -> list[str]:
        """Two gathers: the lengths, then the bytes."""
        from gluonlab.runtime.mxnet import nd

        self._exchanges += 1
        name = f"exchange.{self._exchanges}"
        raw = text.encode()
        with self.progress.collective(name), self.progress.waiting_for_sums():
            lengths = self._hvd.allgather(
                nd.array([len(raw)], dtype="int32"), name=f"{name}.length"
            ).asnumpy()
            # An empty array cannot be gathered, so each text has one byte in front.
            padded = nd.array(list(b"\0" + raw), dtype="uint8")
            gathered = self._hvd.allgather(padded, name=f"{name}.text").asnumpy().tobytes()
        texts, start = [], 0
        for length in lengths:
            texts.append(gathered[start + 1 : start + 1 + int(length)].decode())
            start += 1 + int(length)
        return texts

    def shutdown(self) -> None:
        """Wait for what is under way, meet all others, then leave.

        A process that leaves while another is still at work takes the connections with it.
        """
        from gluonlab.runtime.mxnet import nd

        with self.progress.doing(LEAVING):
            nd.waitall()
            self.exchange("")
            self._hvd.shutdown()


def _buckets(arrays: Sequence[Any]) -> Iterator[tuple[list[Any], int]]:
    """Consecutive arrays from the back, of one type, up to `BUCKET_BYTES` each, and their bytes."""
    bucket: list[Any] = []
    filled = 0
    for array in reversed(arrays):
        size = array.size * np.dtype(array.dtype).itemsize
        if bucket and (filled + size > BUCKET_BYTES or array.dtype != bucket[0].dtype):
            yield bucket, filled
            bucket, filled = [], 0
        bucket.append(array)
        filled += size
    if bucket:
        yield bucket, filled


def horovod_build() -> dict[str, Any]:
    """What the installed Horovod was built with, and the MXNet it was built against."""
    hvd = _import_horovod()
    metadata = Path(hvd.__file__).parents[1] / "metadata.json"
    with reading(metadata):
        built_against = json.loads(metadata.read_text()).get("mxnet") if metadata.exists() else None
    return {
        "mpi": bool(hvd.mpi_built()),
        "gloo": bool(hvd.gloo_built()),
        "nccl": bool(hvd.nccl_built()),
        "cuda": bool(hvd.cuda_built()),
        "mxnet": built_against,
    }


def _import_horovod() -> Any:
    if not is_horovod_installed():
        raise SetupError(
            "ENV06",
            "horovod",
            "is not installed, so several processes cannot train together",
            f"run {horovod_command()}, which builds it",
        )
    load_mpi_library()
    import gluonlab.runtime.mxnet  # noqa: F401  (Horovod imports MXNet, which must come through the shims)

    try:
        import horovod.mxnet as hvd
    except (ImportError, OSError) as error:
        raise SetupError(
            "ENV07", "horovod", f"cannot be imported: {error}", f"run {horovod_command()} again"
        ) from error
    return hvd


if __name__ == "__main__":  # the installer's check that a build fits
    from gluonlab.runtime.mxnet import nd

    world = HorovodWorld()
    ones = nd.ones(3)
    world.sum([ones], "check")
    sys.exit(0 if ones.asnumpy().tolist() == [world.size] * 3 else 1)
