"""The tables of docs/python.md, from the files in benchmarks/results.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.tables import ROOT, Sections

PAGE = ROOT / "docs/python.md"

Outcome = dict[str, str]


def render_environments(results: Path) -> str:
    """A row for each environment in which the quick start was run."""
    rows = json.loads((results / "environments.json").read_text())["rows"]
    lines = [
        "| Python | NumPy | compiler | glibc | system | packages | Horovod built | 30 epochs | top-1 |",
        "|---|---|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        lines.append(
            f"| {row['python']} | {row['packages']['numpy']} | {row['compiler']} | {row['glibc']} "
            f"| {row['system']} | {row['packages_seconds']} s | {row['horovod_seconds']} s "
            f"| {row['wall_seconds']:.0f} s | {row['top1']:.2%} |"
        )
    notes = " ".join(sorted({row["note"] for row in rows if row["note"]}))
    link = "[environments.json](../benchmarks/results/environments.json)"
    return "\n".join([*lines, "", f"Two cores, two processes. {notes} {link}.", ""])


def render_tests(results: Path) -> str:
    """A row for each Python on which ``./scripts/test.sh`` was run whole."""
    rows = json.loads((results / "environments.json").read_text())["tests"]
    lines = ["| Python | passed | skipped | failed | minutes | |", "|---|--:|--:|--:|--:|---|"]
    for row in rows:
        failed = row.get("failed", 0) + row.get("error", 0) + row.get("errors", 0)
        lines.append(
            f"| {row['python']} | {row['passed']:,} | {row['skipped']} | {failed} "
            f"| {row['seconds'] / 60:.0f} | {row['note']} |"
        )
    return "\n".join([*lines, ""])


def render_calls(results: Path) -> str:
    """The calls that differ between two versions of NumPy."""
    result = json.loads((results / "numpy_calls.json").read_text())
    pairs: dict[str, list[Outcome]] = result["calls"]
    differing = [call for call, pair in pairs.items() if _told(pair[0]) != _told(pair[1])]
    otherwise = [
        call
        for call, (first, second) in pairs.items()
        if call not in differing and first.get("shown") != second.get("shown")
    ]
    lines = ["| call | NumPy {} | NumPy {} |".format(*result["numpy"]), "|---|---|---|"]
    lines += [f"| `{call}` | {' | '.join(_cells(*pairs[call]))} |" for call in differing]
    note = f"""
The other {len(pairs) - len(differing)} of {len(pairs)} calls agree in type and value; {len(otherwise)} of
them are printed otherwise (`np.float32(0.1)` for `0.1`). Python {result["python"]};
[numpy_calls.json](../benchmarks/results/numpy_calls.json) has all.
"""
    return "\n".join(lines) + "\n" + note


def _told(outcome: Outcome) -> tuple[str, str]:
    return outcome["value"], outcome.get("warns", "")


def _cells(old: Outcome, new: Outcome) -> list[str]:
    values = [f"`{outcome['value']}`" for outcome in (old, new)]
    if values[0] == values[1]:
        values = ["", "the same"]
    warnings = [outcome.get("warns", "") for outcome in (old, new)]
    return [", ".join(filter(None, cell)) for cell in zip(values, warnings)]


PYTHON_SECTIONS: Sections = {
    "environments": render_environments,
    "tests": render_tests,
    "numpy calls": render_calls,
}
