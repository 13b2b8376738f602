"""``gluonlab report``: one self-contained HTML file about one or several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.cli.output import JSON_OPTION, write_json
from gluonlab.errors import ConfigError
from gluonlab.reporting.html_report import write_report

_RUNS = typer.Argument(..., metavar="RUN...", help="Run directories.")
_OUTPUT = typer.Option(
    None, "-o", "--output", metavar="FILE", help="HTML file; report.html in the run if there is only one."
)


def report(
    run_dirs: list[Path] = _RUNS, output: Optional[Path] = _OUTPUT, json_target: Optional[str] = JSON_OPTION
) -> None:
    """Write what runs did to one HTML file. It holds curves, results, configuration and environment.

    Example: gluonlab report runs/one runs/two -o report.html
    """
    if output is None and len(run_dirs) > 1:
        raise ConfigError("CLI02", "report", "several runs and no file to write to", "add -o report.html")
    target = output or run_dirs[0] / "report.html"
    write_report(run_dirs, target)
    result = {"report": str(target), "runs": [str(run_dir) for run_dir in run_dirs]}
    if not (write_json(result, json_target) and json_target == "-"):
        typer.echo(str(target))
