"""What all verbs share about output: ``--json FILE|-`` and plain aligned tables."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.disk import writing
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting.run_files import finite

JSON_OPTION = typer.Option(None, "--json", metavar="FILE|-", help="Write the result as JSON (- is stdout).")
MAX_PIXELS = typer.Option(40_000_000, min=1, help="Largest image, in pixels; larger ones are not decoded.")
MAX_BYTES = typer.Option(100_000_000, min=1, help="Largest record or image file, in bytes.")
WEIGHTS_OPTION = typer.Option(
    None,
    "--weights",
    metavar="raw|average",
    help="Plain weights or their average, where there are both; by default the average.",
)
CHECK_OPTION = typer.Option(
    True, "--check/--no-check", help="Compare the engine with the network on the first batch."
)
ALLOW_CHANGE = typer.Option(
    [], "--allow-change", metavar="KEY", help="Continue although this recipe key has changed; repeatable."
)

UNTIL_EPOCH = typer.Option(
    None,
    "--until-epoch",
    min=0.0,
    metavar="E",
    help="Save and stop at this epoch with code 75; without it, go on.",
)
START_OVER = typer.Option(
    False, "--start-over", help="Begin at step 0; what the run directory holds is moved to before-N in it."
)


def check_start_over(start_over: bool, allow_change: Sequence[str]) -> None:
    """Refuse to continue and to begin anew at the same time (CLI02)."""
    if start_over and allow_change:
        raise ConfigError(
            "CLI02",
            "--start-over",
            "continues nothing that --allow-change could be about",
            "give one of them",
        )


def check_json_target(target: Optional[str]) -> None:
    """Refuse a file that cannot be written, before the work and not after it.

    Raises:
        CheckpointError: CKP01 if there is no such folder, or nothing can be written there.
    """
    if target in (None, "-"):
        return
    path = Path(str(target)).absolute()
    if not path.parent.is_dir():
        raise CheckpointError("CKP01", str(target), "there is no such folder")
    if path.is_dir():
        raise CheckpointError("CKP01", str(target), "is a folder")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise CheckpointError("CKP01", str(target), f"cannot be written: {error.strerror}") from None


def write_json(value: Any, target: Optional[str]) -> bool:
    """Write ``value`` to the file ``target``, or stdout for ``-``. False if no target was given."""
    if target is None:
        return False
    text = json.dumps(finite(value), indent=2, allow_nan=False) + "\n"
    if target == "-":
        sys.stdout.write(text)
    else:
        with writing(target):
            Path(target).write_text(text)
    return True


def print_warnings(warnings: Sequence[str]) -> None:
    """One line each on stderr, where they are no part of a result."""
    for warning in warnings:
        typer.echo(f"warning: {warning}", err=True)


def echo_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str) -> None:
    """Print ``rows`` as a table, or ``empty`` where there are none."""
    typer.echo(format_table(header, rows) if rows else empty)


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows as aligned text; columns that hold numbers are aligned to the right."""
    cells = [list(header)] + [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    is_number = [all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(header))]

    def line(row: Sequence[str]) -> str:
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, is_number)
        )
        return "  ".join(padded).rstrip()

    return "\n".join([line(cells[0]), line(["-" * width for width in widths]), *map(line, cells[1:])])


def describe_classes(classes: Sequence[dict[str, Any]]) -> str:
    """The likeliest ``classes`` of an image, each with its ``name`` and ``probability``, as text."""
    return ", ".join(f"{item['name']} {item['probability']:.1%}" for item in classes)
