"""``gluonlab data stats``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Optional

import typer

from gluonlab.cli.data.sources import PATH, SETS, open_source
from gluonlab.cli.output import (
    JSON_OPTION,
    MAX_BYTES,
    MAX_PIXELS,
    check_json_target,
    format_table,
    print_warnings,
    write_json,
)
from gluonlab.data.description import Description, describe
from gluonlab.data.image_limits import ImageLimits
from gluonlab.data.packing import usable_cores

SHOWN_CLASSES = 20


def stats(
    source: str = typer.Argument(
        ...,
        help=f"{', '.join(SETS)}, record files, shards, an .npz file, a folder of classes.",
    ),
    path: Optional[str] = PATH,
    split: str = typer.Option("train", help="train or val, where there are both."),
    sample: int = typer.Option(5000, min=1, help="Images, evenly spaced, whose pixels are measured."),
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    json_file: Optional[str] = JSON_OPTION,
) -> None:
    """Show images per class, sizes, mean and deviation. The last two are what data.mean and data.std want.

    Example: gluonlab data stats data/mine/train.rec
    """
    check_json_target(json_file)
    opened = open_source(source, path, split, ImageLimits(max_pixels, max_bytes))
    description = describe(opened, sample=sample, threads=usable_cores())
    names: tuple[str, ...] = tuple(getattr(opened, "classes", ()))
    print_warnings([*getattr(opened, "warnings", ()), *description.repeats])
    if not write_json({**asdict(description), "class_names": names}, json_file):
        _print(description, names)


def _print(description: Description, names: tuple[str, ...]) -> None:
    counts = description.class_counts
    typer.echo(f"{description.images} images in {len(counts)} classes, {description.measured} measured")
    sizes = {
        "height": description.height,
        "width": description.width,
        "bytes": description.bytes_per_image,
    }
    rows = [[name, *(round(size[key]) for key in ("min", "median", "max"))] for name, size in sizes.items()]
    typer.echo(format_table(["", "smallest", "median", "largest"], rows))
    typer.echo(
        f"data.mean={description.mean} data.std={description.std} data.channels={description.channels}"
    )
    shown = sorted(counts)[:SHOWN_CLASSES]
    rows = [[label, names[label] if 0 <= label < len(names) else "", counts[label]] for label in shown]
    typer.echo(format_table(["label", "class", "images"], rows))
    if len(counts) > SHOWN_CLASSES:
        smallest, largest = min(counts.values()), max(counts.values())
        typer.echo(f"and {len(counts) - SHOWN_CLASSES} more, of {smallest} to {largest} images each")
