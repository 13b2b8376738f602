"""Who plays which virtual worker; no MXNet, so a launcher can ask before it starts anything."""

from __future__ import annotations

from gluonlab.errors import ConfigError


def workers_of_process(virtual_workers: int, rank: int, size: int) -> range:
    """The virtual workers that process ``rank`` of ``size`` plays.

    Raises:
        ConfigError: CFG08 if ``size`` does not divide ``virtual_workers``; names the sizes that do.
    """
    if virtual_workers % size:
        divisors = [str(d) for d in range(1, virtual_workers + 1) if virtual_workers % d == 0]
        raise ConfigError(
            "CFG08",
            f"{size} processes",
            f"cannot share {virtual_workers} virtual workers (global_batch_size / worker_batch_size) equally",
            f"use {', '.join(divisors)} processes, or change worker_batch_size",
        )
    share = virtual_workers // size
    return range(rank * share, (rank + 1) * share)
