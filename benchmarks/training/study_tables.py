"""The table and the plot of docs/large_batches.md, from the runs of large_batch_study.py."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Optional

from benchmarks.tables import Sections
from gluonlab.reporting.plots import curves_svg

CHANCE = 0.1
"""Top-1 of a network that knows nothing of CIFAR-10; what a run that was not finite counts as."""

Study = dict[str, dict[int, list[Optional[float]]]]

METHODS = {
    "unscaled": "rate not scaled",
    "linear": "linear",
    "linear+warmup": "linear + warm-up",
    "sqrt+warmup": "square root + warm-up",
    "lars+warmup": "LARS + warm-up",
}


def read_study(results: Path) -> Study:
    """Top-1 of each run (None: not finite) by method and batch, without the tuning runs.

    At the smallest batch scaling changes nothing, so what was run there without it stands for it as well.
    """
    top1: Study = defaultdict(lambda: defaultdict(list))
    for path in sorted((results / "large_batch_study").glob("*.json")):
        run = json.loads(path.read_text())
        if "-lr" not in path.stem:
            top1[run["method"]][run["global_batch_size"]].append(run["top1"])
    smallest = min(top1["unscaled"])
    for method, same in (("linear", "unscaled"), ("sqrt+warmup", "linear+warmup")):
        top1[method][smallest] = top1[same][smallest]
    return top1


def render_study(results: Path) -> str:
    """Mean and standard deviation of top-1 for each way to choose the rate and each batch."""
    study = read_study(results)
    batches = sorted({batch for runs in study.values() for batch in runs})
    lines = [
        "| learning rate | " + " | ".join(f"{batch:,}" for batch in batches) + " |",
        "|---|" + "--:|" * len(batches),
    ]
    for method, name in METHODS.items():
        cells = [_cell(study[method].get(batch, [])) for batch in batches]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    counts = {len(runs) for method in study.values() for runs in method.values()}
    runs = " or ".join(map(str, sorted(counts)))
    note = f"{runs} runs in each cell; a run whose loss was not finite counts as {CHANCE:.0%} and is marked."
    return "\n".join([*lines, "", note]) + "\n"


def draw_study(results: Path) -> str:
    """Mean top-1 against the batch, one curve for each way to choose the rate, as SVG."""
    study = read_study(results)
    curves = {
        name: [(batch, mean(_with_chance(runs))) for batch, runs in sorted(study[method].items())]
        for method, name in METHODS.items()
    }
    return curves_svg(
        curves,
        "images per update",
        "top-1",
        title="CIFAR-10 after ten epochs",
        is_percent=True,
        is_log_x=True,
    )


def _cell(top1: Sequence[Optional[float]]) -> str:
    if not top1:
        return ""
    values = _with_chance(top1)
    spread = f" ± {stdev(values) * 100:.1f}" if len(values) > 1 else ""
    failed = f" ({top1.count(None)} not finite)" if None in top1 else ""
    return f"{mean(values) * 100:.1f}{spread}{failed}"


def _with_chance(top1: Sequence[Optional[float]]) -> list[float]:
    return [CHANCE if value is None else value for value in top1]


STUDY_SECTIONS: Sections = {"large batches": render_study}
