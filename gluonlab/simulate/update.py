"""One synchronous update of all GPUs, and where its time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Optional

from gluonlab.simulate.allreduce import ALGORITHMS
from gluonlab.simulate.compute import ComputeLaw
from gluonlab.simulate.gradients import Fusion, GradientTensor, exposed_seconds
from gluonlab.simulate.stragglers import straggler_seconds
from gluonlab.simulate.topology import Topology

BACKWARD_SHARE = 2 / 3
"""Of a pass: backward computes the gradients of weights and of inputs, each as much as forward."""

NORM_BYTES_PER_PARAMETER = 8
"""LARS reads the float32 weight and its gradient once more for their norms (You et al. 2017)."""


@dataclass(frozen=True)
class Communication:
    """How gradients are summed; ``algorithm`` is a key of `ALGORITHMS`."""

    algorithm: str
    is_overlapped: bool
    fusion: Fusion


@dataclass(frozen=True)
class InputPipeline:
    """What a node can feed: decoded images and bytes copied to its GPUs per second; None has no limit.

    ``is_prefetched``: the next batch comes while this one is computed; otherwise its time is added.
    """

    decoded_images_per_second: Optional[float] = None
    copied_bytes_per_second: Optional[float] = None
    is_prefetched: bool = True

    def seconds(self, images: float, bytes_per_image: float) -> float:
        """Time to feed one node ``images`` images; decoding and copying go on at the same time."""
        decoding = images / self.decoded_images_per_second if self.decoded_images_per_second else 0.0
        copied = images * bytes_per_image
        copying = copied / self.copied_bytes_per_second if self.copied_bytes_per_second else 0.0
        return max(decoding, copying)


@dataclass(frozen=True)
class Cluster:
    """A machine as the model sees it; ``noise_fraction`` is the spread of compute times, sd over mean."""

    topology: Topology
    communication: Communication
    input_pipeline: InputPipeline
    noise_fraction: float
    memory_bytes_per_second: float


@dataclass(frozen=True)
class Work:
    """What each GPU does in one update: ``passes`` forward and backward passes over ``batch`` images.

    ``tensors`` are the gradients in the order in which backward makes them, each element of which
    takes ``bytes_per_element`` on the wire. ``contention_fraction`` is how much longer a pass takes while all
    GPUs of a node compute: what they share is the host, and the memory of a CPU.
    """

    law: ComputeLaw
    batch: float
    passes: int
    tensors: tuple[GradientTensor, ...]
    bytes_per_element: float
    bytes_per_image: float
    has_layer_norms: bool
    contention_fraction: float = 0.0

    @property
    def images(self) -> float:
        """Images per GPU and update."""
        return self.batch * self.passes


@dataclass(frozen=True)
class UpdateTime:
    """Seconds of one update, by cause; they add up."""

    compute_seconds: float
    contention_seconds: float
    communication_seconds: float
    straggler_seconds: float
    optimizer_seconds: float
    input_seconds: float

    @property
    def seconds(self) -> float:
        """Seconds of the whole update, the sum of its parts."""
        return (
            self.compute_seconds
            + self.contention_seconds
            + self.communication_seconds
            + self.straggler_seconds
            + self.optimizer_seconds
            + self.input_seconds
        )


def simulate_update(cluster: Cluster, work: Work, gpus: int) -> UpdateTime:
    """One update on ``gpus`` GPUs; what overlaps is counted where it is not hidden.

    The measured curve of `Work.law` contains a plain update, so ``optimizer_seconds`` are what layer-wise
    norms add.

    Raises:
        ConfigError: SIM01 for a number of GPUs that does not fill nodes.
    """
    layout = cluster.topology.layout(gpus)
    compute = work.passes * work.law.seconds(work.batch)
    contention = compute * contention_share(cluster, work, layout.gpus_per_node)
    straggling = straggler_seconds(compute, cluster.noise_fraction, gpus, work.passes)
    communication = communication_seconds(cluster, work, gpus)
    parameters = sum(tensor.elements for tensor in work.tensors) if work.has_layer_norms else 0
    optimizer = NORM_BYTES_PER_PARAMETER * parameters / cluster.memory_bytes_per_second
    feeding = cluster.input_pipeline.seconds(work.images * layout.gpus_per_node, work.bytes_per_image)
    if cluster.input_pipeline.is_prefetched:
        feeding = max(feeding - (compute + contention + communication + straggling + optimizer), 0.0)
    return UpdateTime(compute, contention, communication, straggling, optimizer, feeding)


def contention_share(cluster: Cluster, work: Work, gpus_in_node: int) -> float:
    """By how much a pass is slowed: nothing for one GPU of a node, linear up to all of them."""
    others = cluster.topology.gpus_per_node - 1
    return work.contention_fraction * (gpus_in_node - 1) / others if others else 0.0


def communication_seconds(cluster: Cluster, work: Work, gpus: int) -> float:
    """Time of the all-reduces that the backward pass, the last one of an update, does not hide."""
    if gpus == 1:
        return 0.0
    layout = cluster.topology.layout(gpus)
    algorithm = ALGORITHMS[cluster.communication.algorithm]
    cost = lru_cache(maxsize=None)(lambda size: algorithm(size, layout))
    return exposed_seconds(
        work.tensors,
        work.bytes_per_element,
        BACKWARD_SHARE * work.law.seconds(work.batch),
        cluster.communication.is_overlapped,
        cluster.communication.fusion,
        cost,
    )


def efficiency(update: UpdateTime) -> float:
    """Rate per GPU over the rate of a GPU that only computes, with the same batch; at most 1."""
    return update.compute_seconds / update.seconds


def images_per_second(update: UpdateTime, work: Work, gpus: int) -> float:
    """Images of all GPUs over the time of an update."""
    return gpus * work.images / update.seconds


def gradient_bytes(tensors: Sequence[GradientTensor], bytes_per_element: float) -> float:
    """Bytes that one update puts into its all-reduces."""
    return sum(tensor.elements for tensor in tensors) * bytes_per_element
