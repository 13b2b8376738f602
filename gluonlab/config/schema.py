"""The schema of a recipe and of the run settings beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, Optional

from pydantic import Field, field_validator

from gluonlab.config.regularisation import Loss, Mixing
from gluonlab.config.sections import About, Data, Model, ScheduleSection, Section
from gluonlab.config.update import Averaging, Optimizer
from gluonlab.intervals import parse_interval


class Config(Section):
    """A recipe, and the settings of one run of it."""

    about: About = Field(About(), description="Source and expected result; does not change the run.")
    data: Data
    model: Model
    global_batch_size: int = Field(ge=1, description="Images per update, over all processes.")
    worker_batch_size: Optional[int] = Field(
        None,
        ge=1,
        description="Images per virtual worker, the span of BatchNorm statistics; default global_batch_size.",
    )
    epochs: float = Field(gt=0, description="Length of training; need not be whole.")
    last_batch: Literal["rollover", "drop"] = Field(
        "rollover", description="Samples left over at an epoch's end open the next epoch, or are left out."
    )
    optimizer: Optimizer = Optimizer()
    averaging: Averaging = Averaging()
    schedule: ScheduleSection
    loss: Loss = Loss()
    mixing: Mixing = Mixing()
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the target spread over all classes."
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        "float32",
        description="Type that the network computes in; weights, sums and the update are always float32. "
        "`float16` needs a GPU and scales the loss.",
    )
    wire_precision: Literal["float32", "float16"] = Field(
        "float32",
        description="Type in which gradients are added up over processes; rounded also where there is one.",
    )
    deterministic: bool = Field(
        False,
        description="Bit-identical weights on any number of processes, on a CPU; needs W / P to be a power "
        "of two, takes P times the memory of the gradient. cpu_threads is 1 unless set.",
    )

    run_dir: Optional[str] = Field(None, description="Where the run is written; default runs/<config name>.")
    seed: int = Field(
        0, ge=0, lt=2**31, description="Seed of initial weights, sample order and augmentation."
    )
    ctx: Literal["cpu", "gpu", "auto"] = Field(
        "auto", description="Device; `auto` takes a GPU where there is one."
    )
    cpu_threads: Optional[int] = Field(
        None,
        ge=1,
        le=1024,
        description="Compute threads per process; default: cores / processes on this host.",
    )
    hybridize: bool = Field(True, description="Compile the network into a graph.")
    log_every: int = Field(
        50, ge=1, description="Steps between two log lines; each waits for the device once."
    )
    eval_every: float = Field(
        1.0, gt=0, description="Epochs between two validations; the end is always validated."
    )
    eval_batch_size: int = Field(256, ge=1, description="Images per validation batch and process.")
    checkpoint_every: str = Field(
        "10min",
        description="`500steps`, `2epochs`, `10min`, `30s`, and each epoch's end; `never`: only the last.",
    )
    keep_checkpoints: int = Field(2, ge=2, description="How many of the latest checkpoints are kept.")
    keep_best_checkpoints: int = Field(
        1, ge=0, description="How many of those with the best validated top-1 are kept beside them."
    )
    max_failed_saves: int = Field(
        3, ge=1, description="Checkpoints that may fail one after another before the run ends."
    )
    check_weights_every: int = Field(
        100, ge=1, description="Steps between two comparisons of the weights of all processes."
    )
    tensorboard: bool = Field(True, description="Write TensorBoard event files into the run directory.")

    @field_validator("checkpoint_every")
    @classmethod
    def _interval(cls, value: str) -> str:
        parse_interval(value)
        return value

    def _problems(self) -> Iterator[str]:
        if self.global_batch_size % self.worker_size:
            yield (
                f"global_batch_size {self.global_batch_size} is not a multiple of "
                f"worker_batch_size {self.worker_size}"
            )
        if (self.schedule.decay_until or 0) > self.epochs:
            yield (
                f"schedule.decay_until {self.schedule.decay_until:g} lies beyond the end of training, "
                f"epoch {self.epochs:g}"
            )
        if self.schedule.warmup_epochs >= self.epochs:
            yield (
                f"schedule.warmup_epochs {self.schedule.warmup_epochs:g} must be shorter than "
                f"epochs {self.epochs:g}"
            )
        if self.optimizer.name == "rmsprop_warmup" and self.optimizer.transition_center >= self.epochs:
            yield (
                f"optimizer.transition_center {self.optimizer.transition_center:g} must come before the end "
                f"of training, epoch {self.epochs:g}"
            )
        if self.precision != "float32" and not self.hybridize:
            yield f"precision {self.precision} needs hybridize: true"
        if self.ctx == "cpu" and self.precision == "float16":
            yield "precision float16 needs a GPU; on a CPU use float32 or bfloat16"
        if self.ctx == "gpu" and self.deterministic:
            yield "deterministic is for CPUs; use ctx: cpu, or deterministic: false"
        if self.wire_precision != "float32" and self.deterministic:
            yield (
                f"deterministic does not go with wire_precision {self.wire_precision}, for each process "
                "rounds its own part of the sum; use float32"
            )
        yield from self._mixing_problems()
        for key in ("milestones", "boundaries"):
            late = [epoch for epoch in getattr(self.schedule, key) or [] if epoch >= self.epochs]
            if late:
                yield f"schedule.{key} {late} lie at or beyond the end of training, epoch {self.epochs:g}"

    def _mixing_problems(self) -> Iterator[str]:
        threshold = self.loss.target_threshold
        if self.mixing.is_on and self.worker_size == 1:
            yield "mixing needs a partner for each image: worker_batch_size 1 has none"
        if self.mixing.is_on and threshold is not None and threshold >= 0.5:
            yield (
                f"loss.target_threshold {threshold:g} cannot go with mixing, for images that are mixed by "
                "halves would have no class at all; use less than 0.5"
            )

    @property
    def compute_threads(self) -> Optional[int]:
        """``cpu_threads``; 1 where the result must not depend on the machine; None to share its cores."""
        return self.cpu_threads or (1 if self.deterministic else None)

    @property
    def worker_size(self) -> int:
        """Images per virtual worker."""
        return self.worker_batch_size or self.global_batch_size

    @property
    def virtual_workers(self) -> int:
        """W, the number of virtual workers."""
        return self.global_batch_size // self.worker_size

    def recipe(self) -> dict[str, Any]:
        """The keys that decide the result of the run: all but run settings and where files lie."""
        settings: dict[str, Any] = dict.fromkeys((*RUN_SETTINGS, "about"), True)
        recipe = self.model_dump(
            exclude={**settings, "data": {"path", "train", "val", "train_samples", "val_samples", "threads"}}
        )
        # Sums within an operator are split over its threads, so they decide the bits.
        return (
            {**recipe, "deterministic": {"cpu_threads": self.compute_threads}}
            if self.deterministic
            else recipe
        )


RUN_SETTINGS = (
    "run_dir",
    "ctx",
    "cpu_threads",
    "hybridize",
    "log_every",
    "eval_every",
    "eval_batch_size",
    "checkpoint_every",
    "keep_checkpoints",
    "keep_best_checkpoints",
    "max_failed_saves",
    "check_weights_every",
    "tensorboard",
)
