"""What can be said against a recipe before MXNet is imported or any process is started."""

from __future__ import annotations

from gluonlab.build.data import build_calendar
from gluonlab.build.schedule import peak_lr
from gluonlab.config.schema import Config
from gluonlab.models import entry
from gluonlab.parallel.shares import workers_of_process


def check_recipe(config: Config, processes: int) -> None:
    """Refuse what cannot be trained on ``processes`` processes.

    Raises:
        ConfigError: CFG08, CFG21 processes do not share the virtual workers, CFG09 unknown model,
            CFG07 a rate beyond float32, CFG19 fewer samples than a batch, CFG32 a phase without an update.
    """
    check_processes(config, processes)
    entry(config.model.name)
    for phase in config.in_phases():
        peak_lr(phase)
    samples = config.data.known_samples("train")
    if samples is not None:
        build_calendar(config, samples)


def check_processes(config: Config, processes: int) -> None:
    """Refuse what ``processes`` processes cannot share equally (CFG08, CFG21), in any phase."""
    for phase in config.in_phases():
        workers_of_process(phase.virtual_workers, 0, processes, deterministic=config.deterministic)
