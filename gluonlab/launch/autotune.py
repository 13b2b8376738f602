"""Horovod's autotuner: what turns it on, and the best setting that it found, as environment variables.

While a job trains, Horovod tries how many bytes it should join to one sum and how often it should look for
tensors, and writes a line for each try (Horovod 0.28, docs/autotune.rst).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from gluonlab.disk import reading

LOG = "autotune.csv"
MEBIBYTE = 2**20

_SWITCHES = {
    "hierarchical_allreduce": "HOROVOD_HIERARCHICAL_ALLREDUCE",
    "hierarchical_allgather": "HOROVOD_HIERARCHICAL_ALLGATHER",
    "torus_allreduce": "HOROVOD_TORUS_ALLREDUCE",
}


@dataclass(frozen=True)
class Setting:
    """Variables to start a job with, and the bytes a microsecond that were summed with them."""

    environment: dict[str, str]
    score: float
    tries: int


def autotuner_environment(log: Path) -> dict[str, str]:
    """What a job needs so that Horovod tunes itself and writes ``log``."""
    return {"HOROVOD_AUTOTUNE": "1", "HOROVOD_AUTOTUNE_LOG": str(log.absolute())}


def best_setting(log: Path) -> Optional[Setting]:
    """The try of the highest score in ``log``; None if there is no log, or no whole line in it."""
    if not log.exists():
        return None
    with reading(log), log.open(newline="") as file:
        tries = [row for row in csv.DictReader(file, skipinitialspace=True) if _is_whole(row)]
    if not tries:
        return None
    best = max(tries, key=lambda row: float(row["score"]))
    environment = {
        "HOROVOD_FUSION_THRESHOLD": str(round(float(best["tensor_fusion_threshold"]) * MEBIBYTE)),
        "HOROVOD_CYCLE_TIME": best["cycle_time_ms"],
    }
    # The search begins without the cache; before it has tried both, that is no finding.
    if best["cache_enabled"] == "0" and any(row["cache_enabled"] == "1" for row in tries):
        environment["HOROVOD_CACHE_CAPACITY"] = "0"
    environment.update({name: "1" for key, name in _SWITCHES.items() if best.get(key) == "1"})
    count = len({tuple(row.values()) for row in tries})  # a finished search repeats the best as its last line
    return Setting(environment, float(best["score"]), count)


def _is_whole(row: dict[str, str]) -> bool:
    """Whether the numbers are all there: the last line of a job that was stopped may be cut."""
    try:
        return all(float(row[key]) >= 0 for key in ("score", "tensor_fusion_threshold", "cycle_time_ms"))
    except (KeyError, TypeError, ValueError):
        return False
