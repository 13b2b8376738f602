"""Runs that differ in their seed only, as one curve with a band, and as a mean with its deviation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from statistics import fmean, stdev
from typing import Any, Optional

from gluonlab.reporting.html_page import numbers_table
from gluonlab.reporting.plots import Band, Point
from gluonlab.reporting.runs import RunRecord

_NOT_THE_RECIPE = ("seed", "run_dir", "trackers", "tensorboard")
_HEADER = ("runs", "seeds", "top-1", "least", "most", "val loss", "train loss")


@dataclass(frozen=True)
class SeedGroup:
    """Runs of one recipe by name; a single one if no other differs from it in its seed only."""

    name: str
    runs: Mapping[str, RunRecord]


def group_by_recipe(runs: Mapping[str, RunRecord]) -> list[SeedGroup]:
    """The runs in groups, in the order of the first of each; different seeds make a group, not equal ones."""
    groups: dict[str, dict[str, RunRecord]] = {}
    for name, record in runs.items():
        recipe = {key: value for key, value in record.config.items() if key not in _NOT_THE_RECIPE}
        key = json.dumps(recipe, sort_keys=True)
        seeds = [other.config.get("seed") for other in groups.get(key, {}).values()]
        if record.config.get("seed") is None or record.config["seed"] in seeds:
            key = name
        groups.setdefault(key, {})[name] = record
    return [SeedGroup(_name_of(members), members) for members in groups.values()]


def mean_and_band(curves: Sequence[Sequence[Point]]) -> tuple[list[Point], Band]:
    """The mean of ``curves`` where all have a value, and one standard deviation to each side of it."""
    by_x = [{x: y for x, y in points if y is not None} for points in curves]
    shared = sorted(set.intersection(*(set(values) for values in by_x)))
    at = {x: [values[x] for values in by_x] for x in shared}
    band = [(x, fmean(ys) - stdev(ys), fmean(ys) + stdev(ys)) for x, ys in at.items() if len(ys) > 1]
    return [(x, fmean(ys)) for x, ys in at.items()], band


def seeds_section(groups: Sequence[SeedGroup]) -> str:
    """HTML: results of each group of several finished runs; empty if there is none."""
    rows = [_row(group) for group in groups if len(_results(group)) > 1]
    if not rows:
        return ""
    note = (
        "Mean and standard deviation over runs that differ in their seed only, of those that have finished."
    )
    table = numbers_table(_HEADER, rows)
    return f'<h2>Spread over seeds</h2>\n{table}\n<p class="soft note">{note}</p>'


def _name_of(members: Mapping[str, RunRecord]) -> str:
    first, *others = members
    return f"{first} and {len(others)} other seed{'s' if len(others) > 1 else ''}" if others else first


def _results(group: SeedGroup) -> list[dict[str, Any]]:
    return [record.summary for record in group.runs.values() if record.summary]


def _row(group: SeedGroup) -> list[str]:
    results = _results(group)
    top1 = _numbers(results, "top1")
    seeds = ", ".join(str(record.config["seed"]) for record in group.runs.values() if record.summary)
    return [
        escape(group.name),
        escape(seeds),
        _spread(top1, "{:.2%}"),
        f"{min(top1):.2%}" if top1 else "–",
        f"{max(top1):.2%}" if top1 else "–",
        _spread(_numbers(results, "val_loss"), "{:.4f}"),
        _spread(_numbers(results, "train_loss"), "{:.4f}"),
    ]


def _numbers(results: Sequence[dict[str, Any]], key: str) -> list[float]:
    return [value for result in results if isinstance(value := result.get(key), (int, float))]


def _spread(values: Sequence[float], form: str) -> str:
    deviation: Optional[float] = stdev(values) if len(values) > 1 else None
    if not values or deviation is None:
        return "–"
    return f"{form.format(fmean(values))} ± {form.format(deviation)}"
