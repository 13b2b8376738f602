"""What rounds of the same measurement on several processes say together."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Optional

from gluonlab.bench.result import Row
from gluonlab.bench.statistics import summarize


def pooled_row(rounds: Sequence[Row]) -> Row:
    """The last of ``rounds`` with the values of all; parts of an update by their medians."""
    row = {**rounds[-1], **summarize([value for one in rounds for value in one["values"]])}
    if "split_seconds" in row:
        row["split_seconds"] = {
            part: median(one["split_seconds"][part] for one in rounds) for part in row["split_seconds"]
        }
    return row


def hidden_share(together: Row, apart: Row) -> Optional[float]:
    """Share of the communication that computing hides; None if there is none.

    What processes lose to those that send nothing, at the same time, is what is not hidden of the time
    that the sums take alone.
    """
    alone = together["split_seconds"]["communication"]
    if alone <= 0:
        return None
    exposed = sec_per_step(together) - sec_per_step(apart)
    return float(min(max(1 - exposed / alone, 0.0), 1.0))


def sec_per_step(row: Row) -> float:
    """Seconds of a step in the median block of ``row``."""
    return float(row["batch"] * row["passes_per_update"] * row["processes"] / row["median"])
