"""The World over torch.distributed: NCCL for tensors of GPUs, Gloo for others and for texts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Optional

import psutil
import torch
import torch.distributed as dist
from torch import Tensor

from gluonlab.commands import gluonlab_command
from gluonlab.errors import SetupError
from gluonlab.parallel.accumulation import pairwise_sum
from gluonlab.parallel.environment import LaunchedProcess
from gluonlab.parallel.world import World
from gluonlab.supervision.line import launcher_line
from gluonlab.supervision.progress import JOINING, LEAVING, Progress

BUCKET_BYTES = 32 << 20
"""Of one collective."""

_PATIENCE = timedelta(days=7)
"""The watch over a job decides which process is late, not a timer here."""


class TorchWorld(World):
    """Processes that meet at ``store``, where rank 0 listens; see `join_torch_world`.

    Nothing that is pickled is sent or read.
    """

    def __init__(
        self,
        process: LaunchedProcess,
        store: dist.Store,
        address: Optional[str] = None,
        progress: Optional[Progress] = None,
    ) -> None:
        """``address`` is that of this host on the network of the job, if that is known."""
        self.progress = progress or Progress()
        self.rank, self.size = process.rank, process.size
        self.local_rank, self.local_size = process.local_rank, process.local_size
        if address:
            _use_interface(address)
        has_gpus = torch.cuda.is_available()
        if has_gpus and not dist.is_nccl_available():
            raise SetupError(
                "ENV81", "torch", "has no NCCL, so GPUs cannot add up", "use ctx=cpu, or a torch with NCCL"
            )
        if has_gpus:
            torch.cuda.set_device(min(self.local_rank, torch.cuda.device_count() - 1))
        backend = "cpu:gloo,cuda:nccl" if has_gpus else "gloo"
        with self.progress.doing(JOINING):
            dist.init_process_group(
                backend, store=store, rank=self.rank, world_size=self.size, timeout=_PATIENCE
            )

    def sum(self, arrays: Sequence[Any], name: str) -> None:
        """In flat buckets, the last arrays first. On a GPU its stream waits for the sums, not the host."""
        buckets = list(_buckets(arrays))
        with self.progress.collective(name, sum(_bytes_of(bucket) for bucket in buckets)):
            under_way = []
            for bucket in buckets:
                flat = bucket[0] if len(bucket) == 1 else torch.cat([array.reshape(-1) for array in bucket])
                under_way.append((bucket, flat, dist.all_reduce(flat, async_op=True)))
            for bucket, flat, work in under_way:
                work.wait()
                if len(bucket) > 1:
                    _split(flat, bucket)

    def sum_in_pairs(self, arrays: Sequence[Any], name: str) -> None:
        """One gather of all arrays laid end to end."""
        flat = torch.cat([array.reshape(-1) for array in arrays])
        gathered = [torch.empty_like(flat) for _ in range(self.size)]
        with self.progress.collective(name, flat.nbytes):
            dist.all_gather(gathered, flat)
        _split(pairwise_sum(gathered), arrays)

    def exchange(self, text: str) -> list[str]:
        """Two gathers: the lengths, then the bytes; all on the host."""
        raw = text.encode()
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        with self.progress.collective("exchange"):
            dist.all_gather(lengths, torch.tensor([len(raw)]))
            room = max(1, *(int(length) for length in lengths))
            row = torch.frombuffer(bytearray(raw.ljust(room, b"\0")), dtype=torch.uint8)
            rows = [torch.empty(room, dtype=torch.uint8) for _ in range(self.size)]
            dist.all_gather(rows, row)
        texts = (bytes(one[: int(length)].tolist()) for one, length in zip(rows, lengths))
        return [one.decode() for one in texts]

    def shutdown(self) -> None:
        """Wait for what is under way, meet all others, then leave."""
        with self.progress.doing(LEAVING):
            if torch.cuda.is_initialized():
                torch.cuda.synchronize()
            self.exchange("")
            dist.destroy_process_group()


def join_torch_world(process: LaunchedProcess, progress: Optional[Progress] = None) -> TorchWorld:
    """The world of ``process``: it meets the others where rank 0 listens.

    That is told by our launcher, on the network of the job, or stands in ``MASTER_ADDR`` and ``MASTER_PORT``.

    Raises:
        SetupError: ENV82 nobody says where; ENV81 GPUs, but no NCCL.
    """
    progress, line = progress or Progress(), launcher_line()
    with progress.doing(JOINING):
        if line and process.rank == 0:
            store, port = open_store(line.own_address, process.size)
            line.tell_store(f"{line.own_address}:{port}")
        elif line:
            host, _, port_text = line.hear_store().rpartition(":")
            store = join_store(host, int(port_text))
        else:
            host, port = _named_meeting_point()
            listens = process.rank == 0 and "TORCHELASTIC_USE_AGENT_STORE" not in os.environ  # torchrun does
            store = open_store(host, process.size, port)[0] if listens else join_store(host, port)
    return TorchWorld(process, store, line.own_address if line else None, progress)


def _named_meeting_point() -> tuple[str, int]:
    host, port = os.environ.get("MASTER_ADDR", ""), os.environ.get("MASTER_PORT", "")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise SetupError(
            "ENV82",
            "engine: torch",
            "processes do not know where to meet",
            f"start them with {gluonlab_command('launch')}, "
            "or set MASTER_ADDR and MASTER_PORT, on which rank 0 can listen",
        )
    return host, int(port)


def open_store(address: str, processes: int, port: int = 0) -> tuple[dist.Store, int]:
    """Where the processes of a job meet, for rank 0, and its port: it listens on ``address`` alone."""
    listening = socket.create_server((address, port), backlog=processes + 8)
    port = int(listening.getsockname()[1])
    handle = listening.detach()  # the store's from now on
    store = dist.TCPStore(
        address, port, is_master=True, wait_for_workers=False, timeout=_PATIENCE, master_listen_fd=handle
    )
    return store, port


def join_store(address: str, port: int) -> dist.Store:
    """The store that another process has opened there."""
    return dist.TCPStore(address, port, is_master=False, wait_for_workers=False, timeout=_PATIENCE)


def _use_interface(address: str) -> None:
    """Let Gloo and NCCL talk over the card of ``address``, unless the user has named one."""
    for name, addresses in psutil.net_if_addrs().items():
        if any(one.address == address for one in addresses):
            for variable in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"):
                os.environ.setdefault(variable, name)


def _buckets(arrays: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Consecutive arrays from the back, of one type and device, up to `BUCKET_BYTES` each."""
    bucket: list[Tensor] = []
    for array in reversed(arrays):
        is_full = _bytes_of(bucket) + array.nbytes > BUCKET_BYTES
        if bucket and (is_full or (array.dtype, array.device) != (bucket[0].dtype, bucket[0].device)):
            yield bucket
            bucket = []
        bucket.append(array)
    if bucket:
        yield bucket


def _bytes_of(arrays: Sequence[Tensor]) -> int:
    return sum(array.nbytes for array in arrays)


def _split(flat: Tensor, arrays: Sequence[Tensor]) -> None:
    parts = flat.split([array.numel() for array in arrays])
    torch._foreach_copy_(list(arrays), [part.view(array.shape) for part, array in zip(parts, arrays)])
