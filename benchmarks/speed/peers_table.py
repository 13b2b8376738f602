"""Write the table of docs/benchmarks.md that compares gluonlab with others, from its result file.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables import ROOT, Sections, ratio_cells

PAGE = ROOT / "docs/benchmarks.md"
RESULT = "versus_peers.json"


def render_peers(results: Path) -> str:
    """A row for each comparison in the result file."""
    path = results / RESULT
    if not path.exists():
        return "Nothing has been measured yet.\n"
    result = json.loads(path.read_text())
    lines = [
        "| measured | ratio | 95 % interval | target | best of ours / of theirs |",
        "|---|--:|--:|--:|---|",
    ]
    for row in result["rows"].values():
        cells = [
            row["what"],
            *ratio_cells(row, 3),
            f"{'at most' if row['at_most'] else 'at least'} {row['target']}",
            _sides(row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *_origins(result["rows"])]) + "\n"


def _sides(row: dict[str, Any]) -> str:
    """Who was compared, where there was a choice."""
    return f"{row['ours']} / {row['theirs']}" if "ours" in row else ""


def _origins(rows: dict[str, Any]) -> list[str]:
    """Machine, versions and spread, once for all rows that share them."""
    if not rows:
        return []
    machines = {f"{one['cores']} cores of {one['processor']}" for one in _each(rows, "machine")}
    commits = {commit[:10] for commit in _each(rows, "git_commit")}
    versions = {f"{name} {number}" for one in _each(rows, "versions") for name, number in one.items()}
    spread = median(_spread(side) for row in rows.values() for side in row["sides"].values())
    return [
        "",
        f"Made on {', '.join(sorted(machines))}, no GPU, by `benchmarks/speed/versus_peers.py`, at commit "
        f"{', '.join(sorted(commits))}, with {', '.join(sorted(versions))}. A side's measurements spread "
        f"by {spread:.0%} of their median (highest less lowest; the median of all sides). "
        f"[{RESULT}](../benchmarks/results/{RESULT}) has every value.",
    ]


def _each(rows: dict[str, Any], key: str) -> list[Any]:
    return [row["origin"][key] for row in rows.values()]


def _spread(side: dict[str, Any]) -> float:
    summary = next(value for value in side.values() if isinstance(value, dict))
    return float((summary["highest"] - summary["lowest"]) / summary["median"])


PEERS_SECTIONS: Sections = {"versus peers": render_peers}
