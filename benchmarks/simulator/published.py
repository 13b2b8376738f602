"""The published points of benchmarks/simulator/published_scaling.json, predicted with the simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Optional

from gluonlab.simulate.compute import ComputeLaw
from gluonlab.simulate.gradients import Fusion, GradientTensor
from gluonlab.simulate.topology import Link, Topology, network_link
from gluonlab.simulate.update import (
    Cluster,
    Communication,
    InputPipeline,
    Work,
    images_per_second,
    simulate_update,
)

TRAIN_IMAGES = 1_281_167
FLOAT32_IMAGE_BYTES = 4 * 3 * 224 * 224
PCIE_3_BYTES_PER_SECOND = 12e9
"""What a host feeds its GPUs through one PCIe 3.0 x16 port: about three quarters of 15.75 GB/s."""

Series = Mapping[str, Any]
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Constants:
    """All that is fitted; ``overhead_seconds`` of a pass depends on the software alone."""

    network_fraction: float
    noise_fraction: float
    overhead_seconds: Mapping[str, float]


@dataclass(frozen=True)
class Prediction:
    """One figure of one point; ``is_scored`` unless it set the series' rate or is not verified."""

    series: str
    gpus: int
    batch_per_gpu: float
    kind: str
    published: float
    predicted: float
    is_scored: bool

    @property
    def error(self) -> float:
        """Relative for a rate, a difference for an efficiency."""
        difference = self.predicted - self.published
        return difference if self.kind == "efficiency" else difference / self.published


class Model:
    """The published machines and networks, as objects of the simulator."""

    def __init__(self, published: Mapping[str, Any]) -> None:
        self._systems = published["systems"]
        self._memory = published["device_memory_gigabytes_per_second"]
        self._tensors = {
            name: tuple(GradientTensor("", elements, cost) for elements, cost in tensors)
            for name, tensors in published["models"].items()
        }

    def device(self, series: Series) -> str:
        """The accelerator of ``series``."""
        return str(self._systems[series["system"]]["device"])

    def multiply_adds(self, model: str) -> int:
        """Multiply-adds of the forward pass of one image."""
        return sum(tensor.multiply_adds for tensor in self._tensors[model])

    def rate(self, series: Series, constants: Constants, limit: float, gpus: int, batch: float) -> float:
        """Images per second of all ``gpus``, if a filled device computes ``limit`` of them."""
        law = ComputeLaw(constants.overhead_seconds[series["software"]], limit, batch, batch)
        work = Work(
            law=law,
            batch=batch,
            passes=1,
            tensors=self._tensors[series["model"]],
            bytes_per_element=series["bytes_per_element"],
            bytes_per_image=FLOAT32_IMAGE_BYTES,
            has_layer_norms=series["layer_norms"],
        )
        update = simulate_update(self._cluster(series, constants), work, gpus)
        return images_per_second(update, work, gpus)

    def limit_from(self, series: Series, constants: Constants, point: Point) -> float:
        """The limit with which ``point`` comes out as published; Newton on its inverse."""
        gpus, batch, published = point["gpus"], point["batch_per_gpu"], published_rate(point)
        seconds_per_image = gpus / published
        for _ in range(8):
            rate = self.rate(series, constants, 1 / seconds_per_image, gpus, batch)
            seconds_per_image += gpus / published - gpus / rate
            seconds_per_image = max(seconds_per_image, 0.05 * gpus / published)
        return float(1 / seconds_per_image)

    def _cluster(self, series: Series, constants: Constants) -> Cluster:
        system = self._systems[series["system"]]
        inside = Link(
            1e9 * system["inside_gigabytes_per_second"], 1e-6 * system["inside_latency_microseconds"]
        )
        network = network_link(
            system["network_adapters_per_node"],
            1e9 * system["adapter_gigabits_per_second"],
            1e-6 * system["network_latency_microseconds"],
            constants.network_fraction,
        )
        fusion = Fusion(2**20 * series["fusion_threshold_mebibytes"], 1e-3 * series["cycle_milliseconds"])
        feeding = (
            InputPipeline()
            if series["prefetched_input"]
            else InputPipeline(copied_bytes_per_second=PCIE_3_BYTES_PER_SECOND, is_prefetched=False)
        )
        return Cluster(
            Topology(system["gpus_per_node"], inside, network),
            Communication(series["algorithm"], series["overlaps_backward"], fusion),
            feeding,
            constants.noise_fraction,
            1e9 * self._memory[system["device"]],
        )


def published_rate(point: Point) -> Optional[float]:
    """Images per second as published, or those that the published time and epochs give."""
    if "images_per_second" in point:
        return float(point["images_per_second"])
    if "minutes" in point:
        return float(TRAIN_IMAGES * point["epochs"] / (60 * point["minutes"]))
    return None


def rated_points(series: Series) -> list[Point]:
    """Verified points with a rate, the fewest GPUs first."""
    rated = [point for point in series["points"] if published_rate(point) and point.get("verified", True)]
    return sorted(rated, key=lambda point: point["gpus"])


def has_own_rate(series: Series) -> bool:
    """Whether the smallest of several points sets the compute rate; a single point is predicted."""
    return len(rated_points(series)) > 1


@dataclass(frozen=True)
class ComputeRate:
    """``limit`` images per second of a filled device, and the point of the series that sets it, if any."""

    limit: float
    set_by: Optional[Point]


def compute_rate(model: Model, series: Series, constants: Constants, others: Sequence[Series]) -> ComputeRate:
    """From the smallest point of ``series``; for a single point the median of ``others`` on the same device.

    If none of these has the same network, their limits are scaled by multiply-adds. A single point on a
    device that no other series has sets its own rate.
    """
    own = rated_points(series)
    limits = [] if has_own_rate(series) else _limits_of_others(model, series, constants, others)
    if limits:
        return ComputeRate(median(limits), None)
    return ComputeRate(model.limit_from(series, constants, own[0]), own[0])


def _limits_of_others(
    model: Model, series: Series, constants: Constants, others: Sequence[Series]
) -> list[float]:
    limits: dict[bool, list[float]] = {True: [], False: []}
    for other in others:
        same = model.device(other) == model.device(series) and other["compute"] == series["compute"]
        if same and other["name"] != series["name"] and rated_points(other):
            scale = model.multiply_adds(other["model"]) / model.multiply_adds(series["model"])
            limit = model.limit_from(other, constants, rated_points(other)[0])
            limits[other["model"] == series["model"]].append(scale * limit)
    return limits[True] or limits[False]


def predict(model: Model, series: Series, constants: Constants, rate: ComputeRate) -> list[Prediction]:
    """Every rate and every efficiency that is published for ``series``."""
    predictions = []
    for point in series["points"]:
        gpus, batch, published = point["gpus"], point["batch_per_gpu"], published_rate(point)
        predicted = model.rate(series, constants, rate.limit, gpus, batch)
        name, is_verified = series["name"], point.get("verified", True)
        if published:
            kind = "rate" if "images_per_second" in point else "rate from time"
            is_scored = is_verified and point is not rate.set_by
            predictions.append(Prediction(name, gpus, batch, kind, published, predicted, is_scored))
        base_gpus = point.get("efficiency_base_gpus", gpus)
        if base_gpus != gpus:
            base = model.rate(series, constants, rate.limit, base_gpus, batch) / base_gpus
            ratio = predicted / gpus / base
            predictions.append(
                Prediction(name, gpus, batch, "efficiency", point["efficiency"], ratio, is_verified)
            )
    return predictions
