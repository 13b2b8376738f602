"""``gluonlab data fetch``."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.cli.data.sources import SETS, progress_bar
from gluonlab.cli.output import JSON_OPTION, check_json_target, write_json
from gluonlab.commands import gluonlab_command
from gluonlab.errors import ConfigError, DataError

FETCHED = {name: each.publication for name, each in SETS.items() if each.publication}


def fetch(
    name: str = typer.Argument(..., help=f"{', '.join(FETCHED)}."),
    folder: str = typer.Argument(..., help="Where the files go."),
    archive: Optional[str] = typer.Option(
        None, help="The file, or a folder of the files, fetched elsewhere."
    ),
    address: Optional[str] = typer.Option(None, help="Another address that has the same files."),
    json_file: Optional[str] = JSON_OPTION,
) -> None:
    """Fetch a data set from its official address. Every file must have its published checksum.

    Example: gluonlab data fetch cifar10 data/cifar10
    """
    if name not in FETCHED:
        raise ConfigError("CLI02", name, f"is none of {', '.join(FETCHED)}")
    if archive and address:
        raise ConfigError("CLI02", "--address", "not used with --archive")
    if archive and not Path(archive).exists():
        raise DataError("DAT01", archive, "no such file")
    check_json_target(json_file)
    from gluonlab.data.fetching import fetch as fetch_files

    with progress_bar(name) as progress:
        paths = fetch_files(
            FETCHED[name],
            Path(folder),
            archive=Path(archive) if archive else None,
            address=address,
            progress=progress,
        )
    if not write_json({"name": name, "files": [str(path) for path in paths]}, json_file):
        typer.echo(f"{len(paths)} files in {folder}")
        typer.echo(f"next: {next_step(name, folder)}")


def next_step(name: str, folder: str) -> str:
    """To train on what was fetched, where gluonlab has a recipe for it, or else to look at it."""
    from gluonlab.config.recipe_file import override

    recipe = SETS[name].recipe
    if recipe:
        return gluonlab_command("train", recipe, override("data.path", folder))
    return gluonlab_command("data", "stats", name, "--path", folder)
