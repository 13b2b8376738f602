"""Images per second: warm-up, then blocks of steps with one wait for the device each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Optional

from gluonlab.bench.statistics import percentile, summarize
from gluonlab.bench.work import Work, wait_for_device
from gluonlab.metrics import MAX_IN_FLIGHT
from gluonlab.parallel.world import World
from gluonlab.timing import time_block

FEWEST_STEPS = MAX_IN_FLIGHT + 2
"""Of a block: fewer have no interval between steps that wait for each other."""


@dataclass(frozen=True)
class Plan:
    """How long to measure. ``steps`` of a block default to as many as take ``block_seconds``."""

    warmup_steps: int = 5
    blocks: int = 10
    steps: Optional[int] = None
    block_seconds: float = 2.0


@dataclass
class Measurement:
    """What was seen so far, a value for each block; ``intervals`` are seconds from step to step here."""

    steps_per_block: int
    images_per_step: Sequence[int]
    images_per_sec: list[float] = field(default_factory=list)
    images_per_sec_by_process: list[list[float]] = field(default_factory=list)
    intervals: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def add(self, seconds: Sequence[float], intervals: Sequence[float], loss: float) -> None:
        """A block, with the seconds of each process. The images of all took as long as the slowest."""
        images = [self.steps_per_block * count for count in self.images_per_step]
        self.images_per_sec.append(sum(images) / max(seconds))
        self.images_per_sec_by_process.append([count / time for count, time in zip(images, seconds)])
        self.intervals += intervals
        self.losses.append(loss)

    @property
    def sec_per_step(self) -> float:
        """Seconds of a step in the median block."""
        return sum(self.images_per_step) / median(self.images_per_sec)

    def as_row(self) -> dict[str, Any]:
        """Images per second with range and interval, in total and of each process; milliseconds per step."""
        by_process = [median(rates) for rates in zip(*self.images_per_sec_by_process)]
        row = {"unit": "images/s", "higher_is_better": True, **summarize(self.images_per_sec)}
        row["by_process"] = by_process
        row["steps_per_block"] = self.steps_per_block
        row["loss"] = self.losses[-1]
        if self.intervals:
            row["ms_per_step"] = {
                f"p{share}": 1e3 * percentile(self.intervals, share / 100) for share in (50, 90, 99)
            }
            row["ms_per_step"]["steps"] = len(self.intervals)
        return row


def measure_throughput(
    work: Work, world: World, plan: Plan, after_block: Callable[[Measurement], None] = lambda _: None
) -> Measurement:
    """Measure ``work`` on all processes at once; ``after_block`` sees what there is after each block."""
    images = [int(text) for text in world.exchange(str(work.images_per_step))]
    measurement = Measurement(_warm_up(work, world, plan), images)
    for _ in range(plan.blocks):
        world.exchange("")  # all begin together
        block = time_block(work.step, measurement.steps_per_block, wait_for_device, MAX_IN_FLIGHT)
        seconds = [float(text) for text in world.exchange(repr(block.seconds))]
        measurement.add(seconds, block.intervals, work.loss())
        after_block(measurement)
    return measurement


def _warm_up(work: Work, world: World, plan: Plan) -> int:
    """Steps that are not counted; returns how many a block has, the same on all processes."""
    time_block(work.step, plan.warmup_steps, wait_for_device)
    work.loss()
    if plan.steps is not None:
        return plan.steps
    trial = time_block(work.step, FEWEST_STEPS, wait_for_device).seconds / FEWEST_STEPS
    steps = max(math.ceil(plan.block_seconds / trial), FEWEST_STEPS)
    return int(world.exchange(str(steps))[0])


def utilisation(images_per_sec: float, multiply_adds: int, passes: int, peak_flops: float) -> float:
    """Share of ``peak_flops`` that the arithmetic of the network alone takes.

    A multiply-add of the forward pass counts as two operations; backward does twice what forward does
    (Chowdhery et al. 2022, appendix B), so training has 3 ``passes`` and inference 1.
    """
    return images_per_sec * multiply_adds * 2 * passes / peak_flops


def tf_cnn_table(measurement: Measurement) -> str:
    """What tf_cnn_benchmarks prints: rate, its standard error and jitter so far, and the loss, by step."""
    lines = ["Step\tImg/sec\ttotal_loss"]
    rates = measurement.images_per_sec
    for number in range(1, len(rates) + 1):
        so_far = rates[:number]
        mean = sum(so_far) / number
        error = math.sqrt(sum((rate - mean) ** 2 for rate in so_far) / number / number)
        middle = median(so_far)
        jitter = 1.4826 * median(abs(rate - middle) for rate in so_far)
        step, loss = number * measurement.steps_per_block, measurement.losses[number - 1]
        lines.append(f"{step}\timages/sec: {mean:.1f} +/- {error:.1f} (jitter = {jitter:.1f})\t{loss:.3f}")
    ruler = "-" * 64
    return "\n".join([*lines, ruler, f"total images/sec: {sum(rates) / len(rates):.2f}", ruler])
