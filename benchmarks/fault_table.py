"""The table of faults and the cost of a checkpoint in docs/reliability.md, from the result files.

python benchmarks/fault_table.py        # writes them into the page
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tables import ROOT, Sections, fill_in

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
        happened = row["happened"].replace("|", "\\|")
        cells = (row["promise"], row["fault"], happened, f"{row['seconds']:.1f}", row["nothing_lost"])
        lines.append(f"| {' | '.join(cells)} |")
    made = [
        f"[{name}](../benchmarks/results/faults/{name}): {_conditions(results, name)}"
        for name in read_rows(results)
    ]
    return "\n".join([*lines, "", *made]) + "\n"


def render_checkpoint(results: Path) -> str:
    """One sentence on what a checkpoint costs; empty as long as it was not measured."""
    path = results / "checkpoint_stall.json"
    if not path.exists():
        return ""
    one = json.loads(path.read_text())
    machine, pairs = one["machine"], len(one["seconds"]["with"])
    size, cost, spread = one["checkpoint_bytes"] / 1e6, one["cost_seconds"], one["cost_seconds_sd"]
    return (
        f"On {machine['cores']} cores of {machine['processor']}, a checkpoint of ResNet-50 with momentum "
        f"({size:.0f} MB) holds training up\nfor {one['stall_seconds']:.2f} s and costs {cost:.2f} s in all "
        f"(standard deviation {spread:.2f} s over {pairs} pairs of blocks): at one a minute\n"
        f"**{one['cost_percent_of_a_minute']:.1f} %** of the time "
        "([checkpoint_stall.json](../benchmarks/results/checkpoint_stall.json)).\n"
    )


def _conditions(results: Path, name: str) -> str:
    document = json.loads((results / "faults" / name).read_text())
    machine = f"{document['hardware']['cores']} cores of {document['hardware']['processor']}"
    took = f", {document['seconds'] / 60:.1f} minutes" if "seconds" in document else ""
    note = f"; {document['note']}" if "note" in document else ""
    return f"{document['date']}, {machine}, Python {document['python']}{took}{note}."


FAULT_SECTIONS: Sections = {"faults": render_faults, "checkpoint": render_checkpoint}


def main() -> None:
    PAGE.write_text(fill_in(PAGE.read_text(), ROOT / "benchmarks/results", FAULT_SECTIONS))


if __name__ == "__main__":
    main()
