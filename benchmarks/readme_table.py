"""The table of the README: what gluonlab is for, with a figure of a result file for each claim."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.reliability.fault_table import read_rows
from benchmarks.tables import Sections


def render_summary(results: Path) -> str:
    """One row for each claim."""
    same = _read(results / "engine/same_run.json")
    difference = max(same["one_update"]["largest_relative_difference"].values())
    digests = set(same["deterministic"]["weights_sha256"].values())
    costs = [abs(ratio - 1) for ratio in _read(results / "engine/accumulation.json")["ratios"].values()]
    update = _read(results / "engine/update.json")["seconds"]
    ours, theirs = update["gluonlab LARS"], update["MXNet LARS"]
    faults = [row for rows in read_rows(results).values() for row in rows]
    errors = _read(results / "simulate/validation.json")["summary"]["efficiency"]["efficiency"]
    digits = _read(results / "digits.json")
    rows = [
        (
            "The same run on 1, 2 or 4 processes",
            f"one update differs by at most {difference:.1e}; with `deterministic: true`, after 20 updates: "
            + ("the same bits" if len(digests) == 1 else f"{len(digests)} different results"),
        ),
        (
            "16 virtual workers played by one process",
            f"time per image within {max(costs):.0%} of plain training, {len(costs)} networks",
        ),
        (
            "A job that survives failures",
            f"{len(faults)} faults tried in real jobs, with what happened after each",
        ),
        (
            "LARS as published, on Gluon",
            f"a ResNet-50 update {theirs['median'] / ours['median']:.1f} times as fast as MXNet's LARS ("
            f"range "
            f"{theirs['lowest'] / ours['highest']:.1f} to {theirs['highest'] / ours['lowest']:.1f})",
        ),
        (
            "A prediction before you rent a cluster",
            f"median error of the efficiency {errors['median']:.1%}, 90 % of {errors['points']} published "
            f"points within {errors['percentile_90']:.1%}",
        ),
        (
            "The quick start",
            f"{digits['top1_mean']:.2%} top-1 on held-out digits, {len(digits['runs'])} seeds, "
            f"{digits['wall_seconds_median']:.0f} s on two cores",
        ),
    ]
    return "\n".join(["| what | measured |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]) + "\n"


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


README_SECTIONS: Sections = {"summary": render_summary}
