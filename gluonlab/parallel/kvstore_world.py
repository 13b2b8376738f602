"""The World over MXNet's own kvstore, for where there is no Horovod or a process has several devices.

Everything is built from one operation: each process pushes an array, the parameter server (Li et al. 2014)
adds them up, each process pulls the sum. Servers run no optimizer: that would be sent to them as a pickle.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Optional

import numpy as np

from gluonlab.errors import SetupError
from gluonlab.parallel.accumulation import pairwise_sum
from gluonlab.parallel.environment import ALONE, LaunchedProcess
from gluonlab.parallel.world import World
from gluonlab.runtime.mxnet import mx, nd
from gluonlab.supervision.progress import LEAVING, Progress

Kind = Literal["device", "nccl", "dist_sync"]

# Texts travel in rows of so many bytes, doubled until they fit, for the size of a key is fixed.
_TEXT_BYTES = 256


class KVStoreWorld(World):
    """Processes that share a parameter server (``dist_sync``), or one process (``device``, ``nccl``).

    In `sum`, an array may be a list of arrays, one for each device of this process: all of them, of all
    processes, are added up, and each gets the sum.
    """

    def __init__(
        self, kind: Kind, process: LaunchedProcess = ALONE, progress: Optional[Progress] = None
    ) -> None:
        self.progress = progress or Progress()
        self.rank, self.size = process.rank, process.size
        self.local_rank, self.local_size = process.local_rank, process.local_size
        try:
            self._kvstore = mx.kv.create(kind)
        except mx.MXNetError as error:
            reason = str(error).strip().rpartition("\n")[2]
            raise SetupError(
                "ENV21",
                f"kvstore {kind}",
                f"is not in this MXNet: {reason}",
                "nccl needs GPUs and mxnet-cu112",
            ) from error
        self._keys: set[str] = set()
        self._rows: dict[str, Any] = {}

    def sum(self, arrays: Sequence[Any], name: str) -> None:
        """One key for each array."""
        keys = [f"{name}.{position}" for position in range(len(arrays))]
        with self.progress.collective(name, sum(map(_bytes_of, arrays))):
            if keys[0] not in self._keys:
                firsts = [array[0] if isinstance(array, list) else array for array in arrays]
                self._kvstore.init(keys, [nd.zeros_like(first) for first in firsts])
                self._keys.update(keys)
            self._kvstore.push(keys, list(arrays))
            self._kvstore.pull(keys, list(arrays))

    def sum_in_pairs(self, arrays: Sequence[Any], name: str) -> None:
        """Each process fills a row of its own, laid end to end; adding zeros to it changes nothing."""
        flat = nd.concat(*(array.reshape(-1) for array in arrays), dim=0)
        total = pairwise_sum(self._gather(flat, name))
        ends = np.cumsum([array.size for array in arrays])
        for array, end in zip(arrays, ends):
            total[int(end) - array.size : int(end)].reshape(array.shape).copyto(array)

    def exchange(self, text: str) -> list[str]:
        """The lengths, then the bytes as numbers."""
        raw = np.frombuffer(text.encode(), np.uint8)
        rows = self._gather(nd.array([len(raw)], dtype="float64"), "length")
        lengths = [int(row.asscalar()) for row in rows]
        capacity = _TEXT_BYTES
        while capacity < max(lengths):
            capacity *= 2
        padded = np.zeros(capacity, np.float32)
        padded[: len(raw)] = raw
        rows = self._gather(nd.array(padded), f"text.{capacity}")
        texts = (row.asnumpy().astype(np.uint8).tobytes() for row in rows)
        return [text[:length].decode() for text, length in zip(texts, lengths)]

    def shutdown(self) -> None:
        """Wait for what is under way and for the others, then leave."""
        with self.progress.doing(LEAVING):
            nd.waitall()
            if self.size > 1:
                self._kvstore._barrier()
            del self._kvstore

    def _gather(self, row: Any, name: str) -> list[Any]:
        """The ``row`` (n,) of each process, by rank.

        Through the same array each time: that lets a push wait for the pull before it. The server counts
        pushes of a key, whoever they are from, so two of one process would be taken for those of two.
        """
        if name not in self._rows:
            self._rows[name] = nd.empty((self.size, row.size), row.context, row.dtype)
        rows = self._rows[name]
        rows[:] = 0
        rows[self.rank] = row
        self.sum([rows], name)
        return [rows[rank] for rank in range(self.size)]


def _bytes_of(array: Any) -> int:
    if isinstance(array, list):
        return sum(map(_bytes_of, array))
    return int(array.size) * np.dtype(array.dtype).itemsize
