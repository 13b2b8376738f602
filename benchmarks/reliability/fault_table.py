"""The table of faults and the cost of a checkpoint in docs/reliability.md, from the result files.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.tables import ROOT, Sections
from gluonlab.bench.statistics import median_interval

PAGE = ROOT / "docs/reliability.md"

Row = dict[str, Any]


def read_rows(results: Path) -> dict[str, list[Row]]:
    """The rows of each result file, by its name."""
    paths = sorted((results / "faults").glob("*.json"))
    return {path.name: json.loads(path.read_text())["rows"] for path in paths}


def render_faults(results: Path) -> str:
    """The table as Markdown, one row for each fault, by promise; then where and when each file was made."""
    lines = ["| promise | fault | what happened | seconds | nothing lost |", "|---|---|---|--:|---|"]
    rows = [row for rows in read_rows(results).values() for row in rows]
    for row in sorted(rows, key=lambda row: int(row["promise"][1:])):
        happened = row["happened"].replace("|", "\\|").replace("longer than 0.0 s", "longer than 0.05 s")
        fault = row["fault"].replace("mutations of a ", "mutations of a file: ")
        cells = (row["promise"], fault, happened, f"{row['seconds']:.1f}", row["nothing_lost"])
        lines.append(f"| {' | '.join(cells)} |")
    made = [
        f"[{name}](../benchmarks/results/faults/{name}): {_conditions(results, name)}"
        for name in read_rows(results)
    ]
    return "\n".join([*lines, "", *made]) + "\n"


def render_checkpoint(results: Path) -> str:
    """What a checkpoint costs; empty as long as it was not measured."""
    path = results / "checkpoint_stall.json"
    if not path.exists():
        return ""
    one = json.loads(path.read_text())
    machine, seconds, processes = one["machine"], one["seconds"], one.get("processes", 1)
    costs = [with_save - without for with_save, without in zip(seconds["with"], seconds["without"])]
    return (
        f"On {machine['cores']} cores of {machine['processor']}, a checkpoint of ResNet-50 with momentum "
        f"({one['checkpoint_bytes'] / 1e6:.0f} MB) holds training in {processes} "
        f"{'processes' if processes > 1 else 'process'} up\nfor {one['stall_seconds']:.2f} s. "
        f"{_cost(costs)}\n([checkpoint_stall.json](../benchmarks/results/checkpoint_stall.json)).\n"
    )


def _cost(costs: list[float]) -> str:
    """What a checkpoint costs in all, with its interval; costs below what the noise hides are not told."""
    interval = median_interval(costs)
    if interval is None:
        return f"What it costs in all was measured {len(costs)} times only, too few for an interval"
    low, high = interval
    pairs = f"95 % interval over {len(costs)} pairs of intervals with and without a save"
    if low <= 0:
        return (
            f"What it costs in all is not measurable: below {high:.2f} s,\nat one a minute below "
            f"**{high / 0.6:.1f} %** of the time (upper end of the {pairs})"
        )
    cost = median(costs)
    return (
        f"In all it costs {cost:.2f} s ({low:.2f} to {high:.2f}, {pairs}):\nat one a minute "
        f"**{cost / 0.6:.1f} %** of the time ({low / 0.6:.1f} to {high / 0.6:.1f})"
    )


def _conditions(results: Path, name: str) -> str:
    document = json.loads((results / "faults" / name).read_text())
    machine = f"{document['hardware']['cores']} cores of {document['hardware']['processor']}"
    took = f", {document['seconds'] / 60:.1f} minutes" if "seconds" in document else ""
    note = f"; {document['note']}" if "note" in document else ""
    return f"{document['date']}, {machine}, Python {document['python']}{took}{note}."


FAULT_SECTIONS: Sections = {"faults": render_faults, "checkpoint": render_checkpoint}
