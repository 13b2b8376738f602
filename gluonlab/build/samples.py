"""Which samples a process had at a step, for the message about a step that keeps failing."""

from __future__ import annotations

from gluonlab.build.data import build_calendar, open_data_sets
from gluonlab.config.schema import Config
from gluonlab.data.sampler import Sampler
from gluonlab.errors import GluonlabError

NAMED = 16


def describe_samples(config: Config, step: int, rank: int, processes: int) -> str:
    """The samples that ``rank`` of ``processes`` reads for the update after ``step`` ones; "" if unknown."""
    try:
        calendar = build_calendar(config, open_data_sets(config.data).train_samples)
    except (GluonlabError, OSError):
        return ""
    if step >= calendar.total_steps(config.epochs):
        return ""
    batch = Sampler(calendar, config.seed, config.data.augment_repeats).global_batch(step).indices
    share = len(batch) // processes
    samples = batch[rank * share : (rank + 1) * share].tolist()
    rest = f" and {len(samples) - NAMED} more" if len(samples) > NAMED else ""
    return f" (samples {', '.join(map(str, samples[:NAMED]))}{rest})"
