"""The schema of a recipe and of the run settings beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Optional

from pydantic import Field, ValidationError, field_validator

from gluonlab.config.phases import Phase, merge_changes, problems_of_order
from gluonlab.config.problems import place_of
from gluonlab.config.regularisation import Mixing
from gluonlab.config.sections import About, Model
from gluonlab.data import DATA_SETS
from gluonlab.data.sections.base import DataSection
from gluonlab.intervals import parse_interval
from gluonlab.losses import LOSSES
from gluonlab.losses.sections import CrossEntropySection, LossSection
from gluonlab.optim import AVERAGES, OPTIMIZERS
from gluonlab.optim.sections.averaging import AveragingSection, NoAveragingSection
from gluonlab.optim.sections.base import OptimizerSection
from gluonlab.optim.sections.momentum import SGDSection
from gluonlab.schedules import SCHEDULES
from gluonlab.schedules.sections import ScheduleSection
from gluonlab.section import OneOf, Section


class Config(Section):
    """A recipe, and the settings of one run of it."""

    about: About = Field(About(), description="Source and expected result; does not change the run.")
    data: Annotated[DataSection, OneOf(DATA_SETS)]
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
    optimizer: Annotated[OptimizerSection, OneOf(OPTIMIZERS, default="sgd")] = SGDSection()
    averaging: Annotated[AveragingSection, OneOf(AVERAGES, default="none")] = NoAveragingSection()
    schedule: Annotated[ScheduleSection, OneOf(SCHEDULES)]
    loss: Annotated[LossSection, OneOf(LOSSES, default="cross_entropy")] = CrossEntropySection()
    mixing: Mixing = Mixing()
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="Share of the target spread over all classes."
    )
    phases: list[Phase] = Field([], description="What changes from an epoch on, in the order of the epochs.")
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = Field(
        "float32",
        description="Type that the network computes in; weights, sums and the update are always float32. "
        "`float16` needs a GPU and scales the loss; `tf32`, with engine: torch on a GPU, rounds what "
        "products read to 10 bits.",
    )
    wire_precision: Literal["float32", "float16"] = Field(
        "float32",
        description="Type in which gradients travel and are added up over processes; one process alone "
        "rounds them, too. `float16` helps where the network is slow, over MPI or NCCL; over Gloo on CPUs it "
        "is slower.",
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
    engine: Literal["auto", "mxnet", "torch"] = Field(
        "auto",
        description="What computes the network: MXNet, or PyTorch in the same arrays; `auto` takes PyTorch "
        "where there is a GPU that this MXNet has no code for.",
    )
    compile: bool = Field(
        False,
        description="engine: torch: compile the network by torch.compile; takes a minute or more before the "
        "first update.",
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
    cudnn_autotune: Literal["off", "limited", "fastest"] = Field(
        "limited",
        description="GPU: whether cuDNN tries out its convolutions first, within its workspace or beyond it.",
    )
    gpu_memory_pool: Literal["exact", "round", "none"] = Field(
        "exact",
        description="GPU: freed memory is kept for requests of the same size, of the same power of two, or "
        "given back; `round` where batches or images change size.",
    )
    gpu_memory_reserve: int = Field(
        5, ge=0, le=50, description="GPU: percent of its memory that the pool leaves alone."
    )
    cuda_graphs: bool = Field(False, description="GPU: let MXNet replay parts of a step as CUDA graphs.")
    hybridize: bool = Field(True, description="Compile the network into a graph.")
    log_every: int = Field(
        50, ge=1, description="Steps between two log lines; each waits for the device once."
    )
    noise_every: int = Field(
        10, ge=0, description="Steps between two measurements of the gradient noise scale; 0: never."
    )
    eval_every: float = Field(
        1.0, gt=0, description="Epochs between two validations; the end is always validated."
    )
    eval_views: Literal["one", "mirror", "mirror_shift"] = Field(
        "one", description="What validation averages logits over: also mirror images, and shifts by a pixel."
    )
    eval_batch_size: int = Field(256, ge=1, description="Images per validation batch and process.")
    checkpoint_every: str = Field(
        "10min",
        description="When to save, beside the end of each epoch: `500steps`, `2epochs`, `30s`, `10min`, "
        "`1h`; `never`: only at the end of training.",
    )
    keep_checkpoints: int = Field(2, ge=2, description="How many of the latest checkpoints are kept.")
    keep_best_checkpoints: int = Field(
        1, ge=0, description="How many of those with the best validated top-1 are kept beside them."
    )
    max_failed_saves: int = Field(
        3, ge=1, description="Checkpoints that may fail one after another before the run ends."
    )
    check_weights_every: int = Field(
        100,
        ge=1,
        description="Steps between two looks at the weights: whether they are finite, and the same on all "
        "processes.",
    )
    on_divergence: Literal["warn", "rollback", "stop"] = Field(
        "warn",
        description="When a loss is far above its own history: say so once, go back to the last checkpoint "
        "before it once and then stop, or stop. One that is not finite always goes back once, then stops.",
    )
    tensorboard: bool = Field(True, description="Write TensorBoard event files into the run directory.")
    trackers: list[Literal["mlflow", "wandb", "trackio"]] = Field(
        [],
        description="Trackers that the rows of the run are sent to while it trains; their own variables say "
        "where to, and with which key.",
    )

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
        yield from (f"schedule.{problem}" for problem in self.schedule.problems_within(self.epochs))
        rule = self.optimizer
        problems = (*rule.problems_within(self.epochs), *rule.problems_of_extras(self.epochs))
        yield from (f"optimizer.{problem}" for problem in problems)
        yield from (f"averaging.{problem}" for problem in self.averaging.problems_within(self.epochs))
        if self.optimizer.is_average and self.averaging.name != "none":
            yield (
                f"averaging.name {self.averaging.name} does not go with {self.optimizer.name}, "
                "an average itself"
            )
        if self.precision != "float32" and not self.hybridize:
            yield f"precision {self.precision} needs hybridize: true"
        if self.ctx == "cpu" and self.precision in ("float16", "tf32"):
            yield f"precision {self.precision} needs a GPU; on a CPU use float32 or bfloat16"
        if self.engine == "mxnet" and self.compile:
            yield "compile is for engine: torch"
        if len(set(self.trackers)) < len(self.trackers):
            yield "trackers names one twice"
        if self.ctx == "gpu" and self.deterministic:
            yield "deterministic is for CPUs; use ctx: cpu, or deterministic: false"
        if self.wire_precision != "float32" and self.deterministic:
            yield (
                f"deterministic does not go with wire_precision {self.wire_precision}, for each process "
                "rounds its own part of the sum; use float32"
            )
        yield from self._mixing_problems()
        if self.phases:
            yield from self._phase_problems()

    def _mixing_problems(self) -> Iterator[str]:
        if self.mixing.is_on and self.worker_size == 1:
            yield "mixing needs a partner for each image: worker_batch_size 1 has none"
        if self.mixing.is_on:
            yield from (f"loss.{problem}" for problem in self.loss.problems_with_mixing())

    def _phase_problems(self) -> Iterator[str]:
        yield from problems_of_order(self.phases, self.epochs)
        for number, phase in enumerate(self.phases):
            key = f"phases.{number}"
            left = self.epochs - phase.from_epoch
            if phase.schedule and left > 0:
                for problem in phase.schedule.problems_within(left):
                    yield f"{key}.schedule.{problem}"
            if phase.global_batch_size and self.last_batch == "drop" and phase.from_epoch % 1:
                yield f"{key}.from_epoch {phase.from_epoch:g} must be whole: last_batch drop cuts epochs off"
            if phase.global_batch_size and phase.from_epoch < self.optimizer.transition_end:
                yield (
                    f"{key}.global_batch_size cannot change before RMSprop warm-up ends, "
                    f"epoch {self.optimizer.transition_end:g}"
                )
        tree = self.model_dump(exclude={"phases"})
        told = set(_problems_of(tree))
        for number, phase in enumerate(self.phases):
            tree = merge_changes(tree, phase.changes())
            for problem in _problems_of(tree):
                if problem not in told:
                    told.add(problem)
                    yield f"phases.{number}{problem}"

    def in_phases(self) -> list[Config]:
        """The recipe as it holds at first, and as it holds from each phase on."""
        configs, tree = [self], self.model_dump(exclude={"phases"})
        for phase in self.phases:
            tree = merge_changes(tree, phase.changes())
            config = Config.model_validate(tree)
            configs.append(
                config.model_copy(update={"schedule": phase.schedule}) if phase.schedule else config
            )
        return configs

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
        of_data = {*self.data.settings, *self.data.places}
        recipe = self.model_dump(exclude={**settings, "data": of_data, "loss": {*self.loss.places}})
        # Sums within an operator are split over its threads, and joined by a compiler: both decide the bits.
        if not self.deterministic:
            return recipe
        deciding = {"cpu_threads": self.compute_threads, **({"compile": True} if self.compile else {})}
        return {**recipe, "deterministic": deciding}


def _problems_of(tree: dict[str, Any]) -> list[str]:
    """What is wrong with a recipe, each with its place: ``.data: ...``, or ``: ...`` for the whole."""
    try:
        Config.model_validate(tree)
    except ValidationError as error:
        return [
            "".join(f".{part}" for part in place_of(details["loc"], Config).keys) + f": {line}"
            for details in error.errors()
            for line in details["msg"]
            .replace("Value error, ", "")
            .replace("Input should", "should")
            .splitlines()
        ]
    return []


RUN_SETTINGS = (
    "run_dir",
    "engine",
    "compile",
    "ctx",
    "cpu_threads",
    "cudnn_autotune",
    "gpu_memory_pool",
    "gpu_memory_reserve",
    "cuda_graphs",
    "hybridize",
    "log_every",
    "noise_every",
    "eval_every",
    "eval_batch_size",
    "checkpoint_every",
    "keep_checkpoints",
    "keep_best_checkpoints",
    "max_failed_saves",
    "check_weights_every",
    "on_divergence",
    "tensorboard",
    "trackers",
)
