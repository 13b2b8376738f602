"""Results of `gluonlab bench` to the numbers of a cluster file: the simulator then speaks of this machine."""

from __future__ import annotations

from collections import defaultdict
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
    """Images per second of one process that trains alone, and how much longer its passes take in company."""

    model: str
    precision: str
    batch: int
    images_per_sec: float
    contention_fraction: Optional[float] = None


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

    Of what was measured several times the median counts.

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
        _rates(training, alone),
    )
    if not alone:
        raise ConfigError(
            "BEN04", "the results", "hold no training of one process", "add one of bench throughput"
        )
    copied = [row["copied_bytes_per_sec"] for row in alone if "copied_bytes_per_sec" in row]
    fit.memory_bytes_per_second = median(copied) if copied else None
    fit.noise_fraction = _noise(alone)
    contentions = [rate.contention_fraction for rate in fit.rates if rate.contention_fraction is not None]
    fit.contention_fraction = median(contentions) if contentions else 0.0
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


def _rates(training: Sequence[Row], alone: Sequence[Row]) -> list[Rate]:
    """The rate of each kind of work, with how much longer its pass takes while all processes compute."""
    apart = _medians([row for row in training if row["is_independent"]])
    rates = []
    for kind, rate in _medians(alone).items():
        contention = max(rate / apart[kind] - 1, 0.0) if kind in apart else None
        model, precision, batch, _ = kind
        rates.append(Rate(model, precision, batch, rate, contention))
    return rates


def _medians(rows: Sequence[Row]) -> dict[tuple[Any, ...], float]:
    """Images per second of one process, a median over the rows of the same kind."""
    rates = defaultdict(list)
    for row in rows:
        kind = row["model"], row["precision"], row["batch"], row["threads"]
        rates[kind].append(row["median"] / row["processes"])
    return {kind: median(values) for kind, values in rates.items()}


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
