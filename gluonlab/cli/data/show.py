"""``gluonlab data show``."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.build.data import build_train_augmentation, build_val_augmentation, open_split
from gluonlab.config import load_config
from gluonlab.data.gallery import draw_gallery, encode_picture
from gluonlab.disk import writing
from gluonlab.errors import CheckpointError, ConfigError


def show(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    out: str = typer.Option(..., "-o", "--out", help="Picture to write, a .png file."),
    rows: int = typer.Option(8, min=1, max=64, help="Samples."),
    columns: int = typer.Option(8, min=1, max=64, help="Epochs, each with another augmentation."),
) -> None:
    """Draw what the network sees. Samples in rows, first as in validation, then as in each training epoch.

    Example: gluonlab data show recipe:cifar10/resnet20 data.path=data/cifar10 -o grid.png
    """
    if not out.endswith(".png"):
        raise ConfigError("CLI02", "-o", f"{out!r} must end in .png")
    if not Path(out).absolute().parent.is_dir():
        raise CheckpointError("CKP01", out, "there is no such folder")
    config = load_config(recipe, overrides or [])
    source = open_split(config.data, "train")
    if source is None:
        raise ConfigError("CLI02", str(recipe), "synthetic data are noise; there is nothing to see")
    picture = draw_gallery(
        source,
        build_val_augmentation(config.data),
        build_train_augmentation(config.data),
        seed=config.seed,
        rows=rows,
        columns=columns,
    )
    with writing(out):
        Path(out).write_bytes(encode_picture(picture))
    typer.echo(f"{out}: first column as in validation, then {columns} epochs")
