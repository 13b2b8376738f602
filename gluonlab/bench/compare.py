"""What changed between two results: ratio of each row with its interval, and whether it is beyond a bound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gluonlab.bench.statistics import Interval, ratio_of


@dataclass(frozen=True)
class Change:
    """A row of both results. ``ratio`` is new over old; ``is_worse`` counts beyond the threshold only."""

    name: str
    unit: str
    old: float
    new: float
    ratio: float
    interval: Interval
    is_worse: bool
    is_marked: bool


@dataclass(frozen=True)
class Comparison:
    """Changes of the rows that both have, and the names that only one has."""

    changes: list[Change]
    only_old: list[str]
    only_new: list[str]

    @property
    def is_worse(self) -> bool:
        """Whether any row is worse beyond the threshold."""
        return any(change.is_worse for change in self.changes)


def compare_results(old: Mapping[str, Any], new: Mapping[str, Any], threshold: float) -> Comparison:
    """Match rows by name. A row is worse if its whole interval is, by more than the share ``threshold``.

    Where values are too few for an interval the ratio itself decides.
    """
    before = {row["name"]: row for row in old["rows"]}
    after = {row["name"]: row for row in new["rows"]}
    changes = [_change(before[name], row, threshold) for name, row in after.items() if name in before]
    return Comparison(
        changes,
        [name for name in before if name not in after],
        [name for name in after if name not in before],
    )


def _change(old: Mapping[str, Any], new: Mapping[str, Any], threshold: float) -> Change:
    ratio = ratio_of(new["values"], old["values"])
    low, high = ratio.interval or (ratio.ratio, ratio.ratio)
    is_worse = high < 1 - threshold if new.get("higher_is_better", True) else low > 1 + threshold
    is_marked = not (old.get("complete", True) and new.get("complete", True))
    is_marked = is_marked or bool(old.get("is_oversubscribed") or new.get("is_oversubscribed"))
    return Change(
        new["name"],
        new["unit"],
        old["median"],
        new["median"],
        ratio.ratio,
        ratio.interval,
        is_worse,
        is_marked,
    )
