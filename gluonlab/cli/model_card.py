"""``gluonlab models card``: a README of a run that model hubs can read."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.cli.output import JSON_OPTION, write_json
from gluonlab.disk import reading
from gluonlab.errors import ConfigError
from gluonlab.reporting.run_files import write_text
from gluonlab.reporting.runs import read_run

_OUTPUT = typer.Option(
    None, "-o", "--output", metavar="FILE", help="File to write, such as README.md; by default it is printed."
)


def card(
    run: Path = typer.Argument(..., metavar="RUN", help="Run directory."),
    output: Optional[Path] = _OUTPUT,
    licence: Optional[str] = typer.Option(
        None, "--license", metavar="NAME", help="Licence of the weights, as hubs name it: apache-2.0."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Write a model card: results, recipe, data, how to load it.

    Example: gluonlab models card runs/one --license apache-2.0 -o README.md
    """
    from gluonlab.build.run_directory import load_run_config
    from gluonlab.reporting.model_card import LIBRARY, model_card

    text = model_card(read_run(run), load_run_config(run).recipe(), licence)
    if output is None:
        typer.echo(text, nl=False)
        return
    if output.exists():
        with reading(output):
            before = output.read_text(errors="replace")
        if f"library_name: {LIBRARY}" not in before:
            what = "is there, and is no card of gluonlab's"
            raise ConfigError("CLI02", str(output), what, "name another file")
    write_text(output, text)
    if not (write_json({"card": str(output)}, json_target) and json_target == "-"):
        typer.echo(str(output))
