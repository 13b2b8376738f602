"""One row of `gluonlab bench throughput` and `bench data`: the rate, and what explains it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Optional

from gluonlab.bench.machine import peak_memory_bytes
from gluonlab.bench.peak import copied_bytes_per_second, matmul_flops_per_second
from gluonlab.bench.profile import write_profile
from gluonlab.bench.result import Row
from gluonlab.bench.throughput import Measurement, Plan, measure_throughput, utilisation
from gluonlab.bench.time_split import bound_by, split_time
from gluonlab.bench.work import EngineInference, Inference, Loading, Training, Work
from gluonlab.parallel.world import World
from gluonlab.training.run import Run

Mode = Literal["training", "inference", "loading"]

UPDATES_TO_SPLIT = 5
STEPS_TO_PROFILE = 5
_PASSES = {"training": 3, "inference": 1}


@dataclass(frozen=True)
class Subject:
    """What a row measures: the network, its setting and its processes."""

    model: str
    mode: Mode
    precision: str
    batch: int
    image_size: int
    data: str
    data_threads: int
    processes: int
    threads: int
    is_independent: bool
    is_oversubscribed: bool
    backend: Optional[str] = None
    """How several processes find each other; None for one."""
    engine: Optional[str] = None
    """Of `gluonlab.inference.engines.ENGINES`; None for the network as a run has it."""

    @property
    def name(self) -> str:
        """The name of its row, different for each subject of a result."""
        apart = ", independent" if self.is_independent else ""
        joined = f", {self.backend}" if self.backend and not self.is_independent else ""
        engine = f" {self.engine}" if self.engine else ""
        if self.mode == "loading":
            return (
                f"loading {self.data}, {self.image_size} px, batch {self.batch}, "
                f"{self.processes} process(es) x {self.data_threads} loader thread(s){joined}"
            )
        return (
            f"{self.model} {self.mode} {self.precision}{engine}, batch {self.batch}, {self.image_size} px, "
            f"{self.data}, "
            f"{self.processes} process(es) x {self.threads} thread(s){joined}{apart}"
        )


def measure_subject(
    subject: Subject,
    run: Run,
    world: World,
    plan: Plan,
    multiply_adds: int,
    keep: Callable[[Row], None] = lambda row: None,
    *,
    with_peak: bool = True,
    profile: Optional[Path] = None,
) -> tuple[Row, Measurement]:
    """Measure ``run`` on all processes of ``world`` at once; ``keep`` sees the row so far after each block.

    ``multiply_adds`` are those of one image's forward pass, compared with the best the device does in
    ``with_peak``. MXNet's profile of `STEPS_TO_PROFILE` steps goes
    to ``profile``, after what counts was measured.
    """
    work = _work(subject, run)
    row: Row = {**asdict(subject), "passes_per_update": run.workers.micro_steps}
    try:
        measurement = measure_throughput(work, world, plan, lambda so_far: keep({**row, **so_far.as_row()}))
        peak = peak_memory_bytes(run.ctx)
        row["peak_memory_bytes"] = max(int(text) for text in world.exchange(str(peak)))
        row.update(measurement.as_row())
        if any(world.exchange("profile" if profile else "")):
            write_profile(work, STEPS_TO_PROFILE, profile)
        if isinstance(work, Training):
            row.update(_split(work, world, measurement.sec_per_step))
        if with_peak and subject.mode != "loading":
            row.update(
                _compare_with_peak(run.ctx, world, row["median"], multiply_adds, _PASSES[subject.mode])
            )
    finally:
        work.close()
    return row, measurement


def _work(subject: Subject, run: Run) -> Work:
    if subject.mode == "training":
        return Training(run)
    if subject.mode == "loading":
        return Loading(run)
    return EngineInference(run, subject.engine) if subject.engine else Inference(run)


def _split(work: Training, world: World, sec_per_step: float) -> dict[str, Any]:
    parts = split_time(work, world, UPDATES_TO_SPLIT)
    hidden = max(sum(parts.values()) - sec_per_step, 0.0)
    return {"split_seconds": {**parts, "hidden": hidden}, "bound_by": bound_by(parts)}


def _compare_with_peak(
    ctx: Any, world: World, images_per_sec: float, multiply_adds: int, passes: int
) -> dict[str, float]:
    """The arithmetic against a matrix multiply on all processes at once, and the rate of a copy."""
    world.exchange("")
    peak = sum(float(text) for text in world.exchange(repr(matmul_flops_per_second(ctx))))
    copied = sum(float(text) for text in world.exchange(repr(copied_bytes_per_second(ctx))))
    return {
        "multiply_adds_per_image": multiply_adds,
        "peak_float32_flops": peak,
        "copied_bytes_per_sec": copied,
        "utilisation": utilisation(images_per_sec, multiply_adds, passes, peak),
    }
