"""``gluonlab bench compare``: a gate against becoming slower."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Optional

import typer

from gluonlab.bench.compare import Comparison, compare_results
from gluonlab.bench.result import read_result
from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table, write_json
from gluonlab.errors import ConfigError


def compare(
    old: Path = typer.Argument(..., metavar="OLD", help="Result of a measurement (JSON)."),
    new: Path = typer.Argument(..., metavar="NEW", help="Result of the same measurement."),
    threshold: float = typer.Option(
        0.05, "--threshold", min=0, max=1, help="How much worse is too much, as a fraction."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Compare two results row by row. Exit code 1 if one is worse beyond the threshold.

    A row is worse if its whole 95 % interval is. Example:
    gluonlab bench compare before.json after.json --threshold 0.03
    """
    check_json_target(json_target)
    before, after = read_result(old), read_result(new)
    comparison = compare_results(before, after, threshold)
    if not comparison.changes:
        raise ConfigError("BEN03", f"{old} and {new}", "have no row in common", "compare equal measurements")
    same_machine = before.get("machine") == after.get("machine")
    value = {
        **asdict(comparison),
        "is_worse": comparison.is_worse,
        "same_machine": same_machine,
    }
    if not (write_json(value, json_target) and json_target == "-"):
        typer.echo(_format(comparison, threshold, same_machine=same_machine))
    if comparison.is_worse:
        raise typer.Exit(1)


def _format(comparison: Comparison, threshold: float, *, same_machine: bool) -> str:
    table = []
    for change in comparison.changes:
        low_high = change.interval
        cells = [
            change.name,
            f"{change.old:.4g}",
            f"{change.new:.4g}",
            change.unit,
            f"{change.ratio - 1:+.1%}",
        ]
        cells += [f"{low_high[0] - 1:+.1%} to {low_high[1] - 1:+.1%}" if low_high else "too few values"]
        cells += ["WORSE" if change.is_worse else "", "marked" if change.is_marked else ""]
        table.append(cells)
    lines = [format_table(["measured", "old", "new", "unit", "change", "95 %", "", ""], table), ""]
    lines += [f"only in the old result: {name}" for name in comparison.only_old]
    lines += [f"only in the new result: {name}" for name in comparison.only_new]
    lines += [] if same_machine else ["note: the machines differ"]
    worse = sum(change.is_worse for change in comparison.changes)
    return "\n".join([*lines, f"{worse} of {len(table)} rows worse by more than {threshold:.0%}"])
