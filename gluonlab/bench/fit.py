"""Results of `gluonlab bench` to the numbers of a cluster file: the simulator then speaks of this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist, median
from typing import Any, Optional

from gluonlab.bench.allreduce import fit_link
from gluonlab.bench.result import Row
from gluonlab.errors import ConfigError

Result = Mapping[str, Any]

HOROVOD_CYCLE_SECONDS = 1e-3
"""How often Horovod looks for tensors to sum, unless HOROVOD_CYCLE_TIME says otherwise."""


@dataclass(frozen=True)
class Rate:
    """Images per second of one process that trains alone."""

    model: str
    precision: str
    batch: int
    images_per_sec: float


@dataclass
class ClusterFit:
    """What results tell of a machine; None and empty where none tells."""

    name: str
    processes: int
    rates: list[Rate] = field(default_factory=list)
    memory_bytes_per_second: Optional[float] = None
    noise_fraction: Optional[float] = None
    contention_fraction: float = 0.0
    link_bytes_per_second: Optional[float] = None
    link_latency_seconds: float = 0.0
    startup_seconds: Optional[float] = None
    decoded_images_per_second: Optional[float] = None


def fit_cluster(results: Sequence[Result]) -> ClusterFit:
    """Rates, noise, contention, link, start and input of one machine from its ``results``.

    Raises:
        ConfigError: BEN04 if they are of different machines, interrupted, or tell no rate of training;
            with every problem found.
    """
    _check(results)
    rows = [row for result in results for row in result["rows"]]
    training = [row for row in rows if row.get("mode") == "training"]
    alone = [row for row in training if row["processes"] == 1 and row["passes_per_update"] == 1]
    machine = results[0]["machine"]
    fit = ClusterFit(
        f"{machine['processor']}, {machine['cores']} cores",
        max([row["processes"] for row in rows if "processes" in row] or [1]),
        [Rate(row["model"], row["precision"], row["batch"], row["median"]) for row in alone],
    )
    if not alone:
        raise ConfigError(
            "BEN04", "the results", "hold no training of one process", "add one of gluonlab bench throughput"
        )
    copied = [row["copied_bytes_per_sec"] for row in alone if "copied_bytes_per_sec" in row]
    fit.memory_bytes_per_second = median(copied) if copied else None
    fit.noise_fraction = _noise(alone)
    fit.contention_fraction = _contention(training, alone)
    _fit_link(fit, [row for row in rows if "bytes" in row])
    starts = [row for row in rows if row.get("part") in ("python", "import", "build", "first_step")]
    fit.startup_seconds = sum(row["median"] for row in starts) if starts else None
    loading = [row["median"] for row in rows if row.get("mode") == "loading"]
    fit.decoded_images_per_second = max(loading) if loading else None
    return fit


def _check(results: Sequence[Result]) -> None:
    machines = {str(result.get("machine")) for result in results}
    if len(machines) > 1 or not isinstance(results[0].get("machine"), dict):
        raise ConfigError("BEN04", "the results", "are not of one machine", "measure all of them on one")
    if not all(result.get("complete") for result in results):
        raise ConfigError(
            "BEN04", "the results", "are not all complete", "measure again what was interrupted"
        )


def _noise(rows: Sequence[Row]) -> Optional[float]:
    """Standard deviation of the time of a step over its median, from the distance of p90 to p50."""
    to_90 = NormalDist().inv_cdf(0.9)
    spreads = [
        (row["ms_per_step"]["p90"] / row["ms_per_step"]["p50"] - 1) / to_90
        for row in rows
        if row.get("ms_per_step")
    ]
    return median(spreads) if spreads else None


def _contention(training: Sequence[Row], alone: Sequence[Row]) -> float:
    """How much longer a pass takes while all processes compute: a median over what was measured both ways."""
    rate_alone = {_kind(row): row["median"] for row in alone}
    slowdowns = [
        rate_alone[_kind(row)] * row["processes"] / row["median"] - 1
        for row in training
        if row["is_independent"] and _kind(row) in rate_alone
    ]
    return max(median(slowdowns), 0.0) if slowdowns else 0.0


def _kind(row: Row) -> tuple[Any, ...]:
    return row["model"], row["precision"], row["batch"], row["threads"]


def _fit_link(fit: ClusterFit, rows: Sequence[Row]) -> None:
    """Latency of one step and bandwidth of a ring (Patarasuk & Yuan 2009) from whole sums."""
    if not rows:
        return
    processes = max(row["processes"] for row in rows)
    link = fit_link({row["bytes"]: row["seconds"] for row in rows if row["processes"] == processes})
    steps = 2 * (processes - 1)
    fit.link_bytes_per_second = link.bytes_per_second * steps / processes
    # Half a cycle is what a sum waits for Horovod's coordinator, which the simulator adds by itself.
    fit.link_latency_seconds = max(link.latency_seconds - HOROVOD_CYCLE_SECONDS / 2, 0.0) / steps
