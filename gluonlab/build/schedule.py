"""Configuration to the learning rate as a function of the step."""

from __future__ import annotations

from collections.abc import Sequence

from gluonlab import schedules
from gluonlab.config.schema import Config
from gluonlab.epochs import Calendar, Epochs, EpochsSince
from gluonlab.errors import ConfigError
from gluonlab.schedules import Schedule
from gluonlab.section import LARGEST_NUMBER


def peak_lr(config: Config) -> float:
    """The rate after warm-up: base_lr scaled to the global batch; CFG07 if no float32 can hold it."""
    section = config.schedule
    if section.scaling == "none":
        return section.base_lr
    scale = schedules.linear_scaling if section.scaling == "linear" else schedules.sqrt_scaling
    peak = scale(section.base_lr, config.global_batch_size, section.base_batch_size)
    if peak > LARGEST_NUMBER:
        raise ConfigError(
            "CFG07", "schedule.base_lr", f"scaled to the batch is {peak:g}, too large for float32"
        )
    return peak


def initial_lr(config: Config) -> float:
    """The rate at the first step of the warm-up: the unscaled one, unless the recipe says another."""
    if config.schedule.init_lr is not None:
        return config.schedule.init_lr
    return min(config.schedule.base_lr, peak_lr(config))


def build_schedule(config: Config, calendar: Epochs) -> Schedule:
    """That of the recipe, then those that its phases bring, each from its first step on."""
    parts, first_steps = [_build_part(config, calendar, config.epochs)], []
    for phase, changed in zip(config.phases, config.in_phases()[1:]):
        if phase.schedule:
            since = EpochsSince(calendar, phase.from_epoch)
            parts.append(_build_part(changed, since, config.epochs - phase.from_epoch))
            first_steps.append(since.first_step)
    return schedules.join(parts, first_steps)


def _build_part(config: Config, calendar: Calendar, epochs: float) -> Schedule:
    """Warm-up, then the decay, which lasts until ``epochs`` unless the recipe says otherwise.

    Milestones and boundaries count from the start. Cosine, polynomial and linear decay run over what is
    left after the warm-up, unless the recipe says otherwise.
    """
    section, peak = config.schedule, peak_lr(config)
    warmup_steps = calendar.first_step_of(section.warmup_epochs)
    decay = _build_decay(config, peak, warmup_steps, calendar, epochs)
    if warmup_steps == 0:
        return decay
    warmup = _build_warmup(config, peak, warmup_steps)
    return schedules.with_warmup(decay, warmup, warmup_steps)


def _build_warmup(config: Config, peak: float, warmup_steps: int) -> Schedule:
    initial = initial_lr(config)
    if config.schedule.warmup == "constant":
        return schedules.constant(initial)
    if config.schedule.warmup == "quadratic":
        return schedules.quadratic(initial, peak, warmup_steps)
    if config.schedule.warmup == "exponential":
        return schedules.exponential(initial, peak, warmup_steps)
    return schedules.linear(initial, peak, warmup_steps)


def _first_steps(key: str, epochs: Sequence[float], calendar: Calendar) -> list[int]:
    steps = [calendar.first_step_of(epoch) for epoch in epochs]
    if len(set(steps)) < len(steps):
        raise ConfigError(
            "CFG10", f"schedule.{key}", f"{list(epochs)} fall on the same step", "space them out"
        )
    return steps


def _build_decay(
    config: Config, peak: float, warmup_steps: int, calendar: Calendar, epochs: float
) -> Schedule:
    section = config.schedule
    if section.name == "multistep":
        boundaries = _first_steps("milestones", section.milestones or [], calendar)
        return schedules.multistep(peak, boundaries, section.factor or 0.1)
    if section.name == "piecewise":
        boundaries = _first_steps("boundaries", section.boundaries or [], calendar)
        return schedules.piecewise([peak * factor for factor in section.factors or []], boundaries)
    if section.name == "constant":
        return schedules.constant(peak)
    first_step = 0 if section.decay_from == "start" else warmup_steps
    last_step = (
        calendar.total_steps(epochs)
        if section.decay_until is None
        else calendar.first_step_of(section.decay_until)
    )
    num_steps, final = last_step - first_step, section.final_lr or 0.0
    if section.name == "cosine":
        return schedules.after(schedules.cosine(peak, final, num_steps), first_step)
    power = 1.0 if section.name == "linear" else section.power or 2.0
    return schedules.after(schedules.polynomial(peak, final, num_steps, power), first_step)
