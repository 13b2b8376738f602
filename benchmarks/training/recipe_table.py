"""The table of docs/recipes.md, from the recipes themselves."""

from __future__ import annotations

import re
from pathlib import Path

from gluonlab.config import load_config
from gluonlab.config.schema import Config
from gluonlab.shipped import PREFIX, recipe_names


def render_recipes(_results: Path) -> str:
    """One row for each recipe, by name."""
    lines = [
        "| recipe | network | batch | W x worker batch | epochs | optimizer | expected top-1 | paper |",
        "|---|---|--:|--:|--:|---|--:|---|",
    ]
    for name in recipe_names():
        config = load_config(Path(PREFIX + name))
        mark = " †" if config.about.not_published else ""
        top1 = config.about.expects.get("top1")
        cells = (
            f"[`{name}`](../configs/{name}.yaml){mark}",
            config.model.name,
            _range([phase.global_batch_size for phase in config.in_phases()]),
            f"{_range([phase.virtual_workers for phase in config.in_phases()])} x {config.worker_size}",
            f"{config.epochs:g}",
            config.optimizer.name,
            "" if top1 is None else f"{top1:.2%}",
            _paper(config),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _range(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _paper(config: Config) -> str:
    """Authors and year, without the title behind them."""
    authors = re.match(r"(?:\w+: )?([^,(;|]*)", config.about.paper)
    return authors[1].strip() if authors else ""
