"""Which single change of a cluster or of the work on it would help most."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gluonlab.simulate.allreduce import ALGORITHMS
from gluonlab.simulate.topology import Link
from gluonlab.simulate.update import Cluster, Work, images_per_second, simulate_update

FLOAT16_BYTES = 2


@dataclass(frozen=True)
class Gain:
    """A change and the rate with it; ``speedup`` is over the rate without."""

    change: str
    images_per_second: float
    speedup: float


def rank_changes(cluster: Cluster, work: Work, gpus: int) -> list[Gain]:
    """Every change of `_changes`, the one that helps most first."""
    before = images_per_second(simulate_update(cluster, work, gpus), work, gpus)
    gains = []
    for name, other_cluster, other_work in _changes(cluster, work):
        rate = images_per_second(simulate_update(other_cluster, other_work, gpus), other_work, gpus)
        gains.append(Gain(name, rate, rate / before))
    return sorted(gains, key=lambda gain: -gain.speedup)


def _changes(cluster: Cluster, work: Work) -> Iterator[tuple[str, Cluster, Work]]:
    topology, communication = cluster.topology, cluster.communication
    yield (
        "network bandwidth x2",
        replace(cluster, topology=replace(topology, network=_twice(topology.network))),
        work,
    )
    yield (
        "bandwidth inside a node x2",
        replace(cluster, topology=replace(topology, inside=_twice(topology.inside))),
        work,
    )
    if work.bytes_per_element > FLOAT16_BYTES:
        yield "float16 gradients on the wire", cluster, replace(work, bytes_per_element=FLOAT16_BYTES)
    for algorithm in sorted(ALGORITHMS.keys() - {communication.algorithm, "auto", "parameter_server"}):
        changed = replace(cluster, communication=replace(communication, algorithm=algorithm))
        yield f"all-reduce {algorithm}", changed, work
    if not communication.is_overlapped:
        changed = replace(cluster, communication=replace(communication, is_overlapped=True))
        yield "all-reduce during backward", changed, work
    if work.batch * 2 <= work.law.allowed_batches[1]:
        yield "batch of a pass x2 (a larger global batch)", cluster, replace(work, batch=2 * work.batch)
    yield (
        "twice the passes per update (a larger global batch)",
        cluster,
        replace(work, passes=2 * work.passes),
    )
    yield "half the noise of compute times", replace(cluster, noise_fraction=cluster.noise_fraction / 2), work
    pipeline = cluster.input_pipeline
    if pipeline.decoded_images_per_second or pipeline.copied_bytes_per_second:
        twice = replace(
            pipeline,
            decoded_images_per_second=_doubled(pipeline.decoded_images_per_second),
            copied_bytes_per_second=_doubled(pipeline.copied_bytes_per_second),
        )
        yield "input pipeline x2", replace(cluster, input_pipeline=twice), work


def _twice(link: Link) -> Link:
    return Link(2 * link.bytes_per_second, link.latency_seconds)


def _doubled(rate: float | None) -> float | None:
    return None if rate is None else 2 * rate
