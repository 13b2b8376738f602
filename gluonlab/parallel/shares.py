"""Who plays which virtual worker; no MXNet, so a launcher can ask before it starts anything."""

from __future__ import annotations

import math

from gluonlab.errors import ConfigError


def workers_of_process(virtual_workers: int, rank: int, size: int, *, deterministic: bool = False) -> range:
    """The virtual workers that process ``rank`` of ``size`` plays.

    Raises:
        ConfigError: CFG08 if ``size`` does not divide ``virtual_workers``, CFG21 if the share is no power
            of two though ``deterministic`` asks for one; both name the sizes that do.
    """
    if virtual_workers % size:
        raise ConfigError(
            "CFG08",
            f"{size} processes",
            f"cannot share {virtual_workers} virtual workers (global_batch_size / worker_batch_size) equally",
            f"use {_listed(_divisors(virtual_workers))} processes, or change worker_batch_size",
        )
    share = virtual_workers // size
    if deterministic and not _is_power_of_two(share):
        possible = [d for d in _divisors(virtual_workers) if _is_power_of_two(virtual_workers // d)]
        raise ConfigError(
            "CFG21",
            f"{size} processes",
            f"play {share} virtual workers each, and deterministic=true needs a power of two",
            f"use {_listed(possible)} processes, or change worker_batch_size",
        )
    return range(rank * share, (rank + 1) * share)


def _divisors(number: int) -> list[int]:
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))
