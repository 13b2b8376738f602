"""``gluonlab report``: one self-contained HTML file about runs and measurements."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.bench.result import read_result
from gluonlab.cli.output import JSON_OPTION, write_json
from gluonlab.errors import ConfigError
from gluonlab.reporting.html_report import write_report
from gluonlab.sweep.record import SWEEP, read_sweep

_RUNS = typer.Argument(
    ..., metavar="RUN|SWEEP|RESULT...", help="Folders of runs and sweeps, and result files of bench (JSON)."
)
_OUTPUT = typer.Option(
    None, "-o", "--output", metavar="FILE", help="HTML file; report.html in the run if there is only one."
)


def report(
    paths: list[Path] = _RUNS, output: Optional[Path] = _OUTPUT, json_target: Optional[str] = JSON_OPTION
) -> None:
    """Write what runs and measurements gave to one HTML file. It holds curves, tables, environment.

    Example: gluonlab report runs/one runs/two throughput.json -o report.html
    """
    files = [path for path in paths if path.is_file()]
    run_dirs = [path for path in paths if path not in files]
    if output is None and len(run_dirs) != 1:
        what = "several runs" if run_dirs else "no run"
        raise ConfigError("CLI02", "report", f"{what} and no file to write to", "add -o report.html")
    target = output or run_dirs[0] / "report.html"
    sweeps = [read_sweep(path) for path in run_dirs if (path / SWEEP).is_file()]
    runs = [path for path in run_dirs if not (path / SWEEP).is_file()]
    write_report(runs, target, {str(path): read_result(path) for path in files}, sweeps)
    result = {
        "report": str(target),
        "runs": [str(path) for path in run_dirs],
        "results": [str(path) for path in files],
    }
    if not (write_json(result, json_target) and json_target == "-"):
        typer.echo(str(target))
