"""Write the tables of docs/techniques.md from the files in benchmarks/results.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.tables import ROOT, Sections
from benchmarks.training.study_tables import CHANCE, METHODS, read_study
from benchmarks.training.techniques import TECHNIQUES

PAGE = ROOT / "docs/techniques.md"


def render_techniques(results: Path) -> str:
    """One row for each technique, in the order of history: what is set, and what it did to top-1."""
    top1: dict[str, list[float]] = {}
    for path in sorted((results / "techniques").glob("*.json")):
        run = json.loads(path.read_text())
        top1.setdefault(run["technique"], []).append(run["top1"])
    lines = ["| technique | paper | set | top-1 of each run | mean | against |", "|---|---|---|--:|--:|---|"]
    for one in TECHNIQUES:
        runs = ", ".join(f"{value:.1%}" for value in top1[one.name])
        change = 100 * (mean(top1[one.name]) - mean(top1[one.against]))
        keys = " ".join(f"`{override}`" for override in one.overrides) or "the recipe as it is"
        lines.append(
            f"| {one.name} | {one.paper} | {keys} | {runs} | {mean(top1[one.name]):.1%} | "
            f"{change:+.1f} to {one.against} |"
        )
    return "\n".join(lines) + "\n"


def render_batches(results: Path) -> str:
    """The best accuracy of each batch in the large-batch study, and by which way to scale the rate."""
    study = read_study(results)
    batches = sorted(study["unscaled"])
    lines = ["| batch | best top-1 | by |", "|--:|--:|---|"]
    for batch in batches:
        means = {
            method: mean(CHANCE if value is None else value for value in study[method][batch])
            for method in METHODS
            if study[method].get(batch)
        }
        best = max(means, key=lambda method: means[method])
        lines.append(f"| {batch:,} | {means[best]:.1%} | {METHODS[best]} |")
    return "\n".join(lines) + "\n"


def render_noise_scale(results: Path) -> str:
    """The gradient noise scale, in images, in each fifth of training and over its second half."""
    fifths = [(2 * n, 2 * n + 2) for n in range(5)]
    heads = " | ".join(f"epochs {begin} to {end}" for begin, end in fifths)
    lines = [f"| run at batch | {heads} | second half |", "|--:|" + "--:|" * 6]
    for path in sorted((results / "noise_scale").glob("*.json")):
        run = json.loads(path.read_text())
        scales = " | ".join(_noise_scale(run, *fifth) for fifth in fifths)
        lines.append(f"| {run['global_batch_size']:,} | {scales} | {run['largest_useful_batch']:,.0f} |")
    return "\n".join(lines) + "\n"


def _noise_scale(run: dict[str, Any], begin: float, end: float) -> str:
    rows = [row for row in run["curve_epoch_variance_square"] if begin < row[0] <= end + 0.01]
    square = sum(row[2] for row in rows)
    return f"{sum(row[1] for row in rows) / square:,.0f}" if square > 0 else "-"


def render_same_run(results: Path) -> str:
    """How many different weights each technique ended with, over three ways to run it."""
    result = json.loads((results / "engine/same_run_techniques.json").read_text())
    lines = ["| technique | weights after 20 updates |", "|---|---|"]
    for name, digests in result["weights_sha256"].items():
        count = len(set(digests.values()))
        lines.append(f"| {name} | {'the same bits' if count == 1 else f'{count} different results'} |")
    return "\n".join(lines) + "\n"


TECHNIQUE_SECTIONS: Sections = {
    "techniques": render_techniques,
    "noise scale": render_noise_scale,
    "batches": render_batches,
    "same run": render_same_run,
}
