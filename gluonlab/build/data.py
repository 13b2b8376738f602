"""Configuration to sources and loaders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from gluonlab.config.schema import Config
from gluonlab.data.augment import Augmentation, Step
from gluonlab.data.augment.antialiased import AntialiasedCrop
from gluonlab.data.augment.colour import ColourJitter, Lighting
from gluonlab.data.augment.placement import RandomErasing, ShiftCrop
from gluonlab.data.augment.rand_augment import RandAugment
from gluonlab.data.augment.views import CentreCrop, Framing, InceptionCrop, RandomCrop, WholeImage
from gluonlab.data.classes import classes_of
from gluonlab.data.sections.base import DataSection, Split
from gluonlab.data.source import Source, check_labels
from gluonlab.epochs import Epochs
from gluonlab.errors import ConfigError, DataError, Problem

if TYPE_CHECKING:
    from gluonlab.data.loader import Loader
    from gluonlab.data.teaching import Teacher


@dataclass(frozen=True)
class DataSets:
    """Both splits, opened; a source is None for synthetic data, which has only sizes.

    ``class_names`` are those of training, which number the classes of both; () where they are not known.
    """

    train: Optional[Source]
    val: Optional[Source]
    train_samples: int
    val_samples: int
    class_names: tuple[str, ...] = ()


def open_data_sets(data: DataSection) -> DataSets:
    """Open both splits and check every label.

    Raises:
        DataError: a file is missing or damaged, a label lies outside the classes, or validation has a class
            that training has not.
    """
    train = open_split(data, "train")
    class_names = classes_of(train)
    val = open_split(data, "val", class_names)
    train_samples = len(train) if train else data.known_samples("train") or 0
    val_samples = len(val) if val else data.known_samples("val") or 0
    return DataSets(train, val, train_samples, val_samples, class_names)


def open_split(data: DataSection, split: Split, class_names: Sequence[str] = ()) -> Optional[Source]:
    """A split alone, its classes numbered as ``class_names``; None for synthetic data."""
    source = data.source(split, class_names)
    if source is None:
        return None
    check_labels(source, data.classes)
    expected = data.train_samples if split == "train" else data.val_samples
    if expected is not None and len(source) != expected:
        raise DataError(
            "DAT15",
            source.name,
            f"holds {len(source)} samples, the recipe says {expected}",
            f"set data.{split}_samples=null if that is meant",
        )
    return source


def planned_train_samples(data: DataSection) -> int:
    """The size of the training set, from the files only if nothing else tells."""
    known = data.known_samples("train")
    return known if known is not None else len(data.source("train") or ())


def build_calendar(config: Config, train_samples: int) -> Epochs:
    """Epochs and steps of the run.

    Raises:
        ConfigError: CFG19 if the training set is smaller than one batch or training shorter than a step,
            CFG32 if a phase has no update of its own.
    """
    batches = [(0.0, config.global_batch_size)]
    batches += [
        (phase.from_epoch, phase.global_batch_size) for phase in config.phases if phase.global_batch_size
    ]
    for epoch, batch in batches:
        if train_samples < batch:
            where = f"global_batch_size {batch}" + (f" from epoch {epoch:g} on" if epoch else "")
            raise ConfigError(
                "CFG19",
                where,
                f"the training set has only {train_samples} samples",
                "use a smaller global_batch_size",
            )
    calendar = Epochs(train_samples, config.global_batch_size, config.last_batch, tuple(batches[1:]))
    if calendar.total_steps(config.epochs) == 0:
        raise ConfigError("CFG19", f"epochs {config.epochs:g}", "is shorter than one step")
    _check_phases(config, calendar)
    return calendar


def _check_phases(config: Config, calendar: Epochs) -> None:
    starts = [0, *(calendar.first_step_of(phase.from_epoch) for phase in config.phases)]
    ends = [*starts[1:], calendar.total_steps(config.epochs)]
    empty = [number - 1 for number, (start, end) in enumerate(zip(starts, ends)) if start >= end]
    if empty:
        problems = [
            Problem(
                "CFG32",
                f"phases.{max(number, 0)}.from_epoch",
                f"leaves no update to {f'phases.{number}' if number >= 0 else 'what comes before it'}",
                "space them out",
            )
            for number in empty
        ]
        raise ConfigError.from_problems(problems)


def build_unmixed_loader(config: Config, source: Optional[Source], ctx: Any) -> Loader:
    """Augmented batches of ``source``, or a synthetic one."""
    return _build_loader(config, source, build_train_augmentation(config.data), ctx)


def build_train_loader(
    config: Config, source: Optional[Source], ctx: Any, teacher: Optional[Teacher] = None
) -> Loader:
    """Augmented batches, mixed where the recipe says so; then with the logits of the ``teacher``, if any."""
    from gluonlab.data.mixing import Mixing, MixingLoader
    from gluonlab.data.teaching import TeachingLoader

    loader = build_unmixed_loader(config, source, ctx)
    section = config.mixing
    if section.is_on:
        mixing = Mixing(
            section.mixup_alpha, section.cutmix_alpha, section.probability, section.cutmix_probability
        )
        loader = MixingLoader(loader, mixing, config.seed)
    return TeachingLoader(loader, teacher) if teacher else loader


def build_val_loader(config: Config, source: Optional[Source], ctx: Any) -> Loader:
    """Centre crops of ``source``, or a synthetic batch."""
    return _build_loader(config, source, build_val_augmentation(config.data), ctx)


def _build_loader(config: Config, source: Optional[Source], augmentation: Augmentation, ctx: Any) -> Loader:
    from gluonlab.data.collate import normalise
    from gluonlab.data.loader import SourceLoader
    from gluonlab.data.synthetic import SyntheticLoader

    data = config.data
    if source is None:
        shape = (data.channels, data.image_size, data.image_size)
        return SyntheticLoader(shape, data.classes, ctx, config.seed)
    return SourceLoader(
        source,
        ctx=ctx,
        seed=config.seed,
        augmentation=augmentation,
        collate=normalise(data.mean, data.std, ctx),
        threads=data.threads,
    )


def build_train_augmentation(data: DataSection) -> Augmentation:
    """The view named by ``data.augment`` and the steps whose strength is not zero."""
    # As in validation, at the size of training.
    resize_to = round((data.resize or data.val_size) * data.image_size / data.val_size)
    framing: Framing = CentreCrop(data.image_size, resize_to)
    steps: list[Step] = []
    if data.augment == "resized_crop_flip":
        framing = InceptionCrop(data.image_size, data.min_area)
    elif data.augment == "crop_flip":
        framing = RandomCrop(data.image_size, resize_to)
    elif data.augment in ("shift", "shift_flip"):
        framing = WholeImage(data.image_size)
        steps.append(
            ShiftCrop(data.pad, data.augment == "shift_flip", is_reflecting=data.pad_mode == "reflect")
        )
    # The last number of what mirrors, framing or shift, says whether it does.
    mirror = framing.num_draws + sum(step.num_draws for step in steps) - 1
    if data.rand_augment:
        steps.append(
            RandAugment(
                data.rand_augment,
                data.rand_augment_magnitude,
                tuple(data.mean),
                data.rand_augment_policy,
                data.rand_augment_spread,
            )
        )
    if data.brightness or data.contrast or data.saturation or data.hue:
        steps.append(ColourJitter(data.brightness, data.contrast, data.saturation, data.hue))
    if data.lighting:
        steps.append(Lighting(data.lighting))
    if data.erasing:
        steps.append(RandomErasing(data.erasing, tuple(data.mean)))
    alternating = mirror if data.flip == "alternating" else None
    return Augmentation(framing, data.channels, tuple(steps), alternating)


def build_val_augmentation(data: DataSection) -> Augmentation:
    """A centre crop."""
    size, resize_to = data.val_size, data.resize or data.val_size
    framing = CentreCrop(size, resize_to)
    if data.interpolation != "fast":
        framing = AntialiasedCrop(size, resize_to, interpolation=data.interpolation)
    return Augmentation(framing, data.channels)
