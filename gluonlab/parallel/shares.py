"""Who plays which virtual worker; no MXNet, so a launcher can ask before it starts anything."""

from __future__ import annotations

from gluonlab.errors import ConfigError


def workers_of_process(virtual_workers: int, rank: int, size: int, *, deterministic: bool = False) -> range:
    """The virtual workers that process ``rank`` of ``size`` plays.

    Raises:
        ConfigError: CFG08 if ``size`` does not divide ``virtual_workers``, CFG21 if the share is no power
            of two though ``deterministic`` asks for one; both name the sizes that do.
    """
    divisors = [size for size in range(1, virtual_workers + 1) if virtual_workers % size == 0]
    if size not in divisors:
        raise ConfigError(
            "CFG08",
            f"{size} processes",
            f"cannot share {virtual_workers} virtual workers (global_batch_size / worker_batch_size) equally",
            f"use {_listed(divisors)} processes, or change worker_batch_size",
        )
    share = virtual_workers // size
    if deterministic and not _is_power_of_two(share):
        possible = [size for size in divisors if _is_power_of_two(virtual_workers // size)]
        raise ConfigError(
            "CFG21",
            f"{size} processes",
            f"play {share} virtual workers each, and deterministic=true needs a power of two",
            f"use {_listed(possible)} processes, or change worker_batch_size",
        )
    return range(rank * share, (rank + 1) * share)


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))
