"""Configuration to the learning rate as a function of the step."""

from __future__ import annotations

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
    """Warm-up, then the schedule of the recipe, which lasts until ``epochs`` unless it says otherwise."""
    section, peak = config.schedule, peak_lr(config)
    warmup_steps = calendar.first_step_of(section.warmup_epochs)
    decay = section.build(peak, calendar, epochs)
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
