"""``gluonlab data pack``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, cast

import typer

from gluonlab.cli.data.sources import PATH, SETS, open_splits, progress_bar
from gluonlab.cli.output import (
    JSON_OPTION,
    MAX_BYTES,
    MAX_PIXELS,
    check_json_target,
    print_warnings,
    write_json,
)
from gluonlab.commands import gluonlab_command
from gluonlab.errors import ConfigError

if TYPE_CHECKING:
    from gluonlab.data.duplicates import Part
    from gluonlab.data.packing import Encoding
    from gluonlab.data.source import Source

VALIDATION = frozenset(("val", "valid", "validation", "test", "eval"))
ENCODINGS = ("png", "jpeg", "keep")


def pack(
    source: str = typer.Argument(
        ..., help=f"{', '.join(SETS)}, a folder of images, shards or record files, or a list of images."
    ),
    out: str = typer.Argument(..., help="Folder for train.rec, val.rec and their indexes."),
    path: Optional[str] = PATH,
    split: Optional[str] = typer.Option(None, help="Name for a folder of class folders.  [default: train]"),
    root: Optional[str] = typer.Option(None, help="Folder of the images of a list.  [default: the list's]"),
    labels: Optional[str] = typer.Option(None, help="File with the class names in the order of labels."),
    encoding: Optional[str] = typer.Option(
        None, help="png, jpeg or keep.  [default: keep; png for data sets]"
    ),
    quality: int = typer.Option(95, min=1, max=100, help="Quality of jpeg."),
    resize: Optional[int] = typer.Option(None, min=1, help="Scale the shorter side to this many pixels."),
    threads: Optional[int] = typer.Option(
        None, min=1, max=256, help="Encoding threads.  [default: all cores]"
    ),
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    json_file: Optional[str] = JSON_OPTION,
) -> None:
    """Write images as verified record files for training. They come from a data set or a folder.

    A folder holds one folder of images for each class, or such a folder as train/ and one as val/. A list has
    lines "number TAB label TAB path" or "path TAB class". The same command continues after an interruption.

    Example: gluonlab data pack cifar10 data/cifar10 --path cifar-10-binary.tar.gz
    """
    encoding = encoding or ("png" if source in SETS else "keep")
    if encoding not in ENCODINGS:
        raise ConfigError("CLI02", "--encoding", f"{encoding!r} is none of {', '.join(ENCODINGS)}")
    check_json_target(json_file)
    from gluonlab.data.duplicates import tell_repeats
    from gluonlab.data.image_limits import ImageLimits

    limits = ImageLimits(max_pixels, max_bytes)
    rows: list[dict[str, Any]] = []
    parts: list[Part] = []
    told: list[str] = []
    for name, opened in open_splits(source, path, split, root, labels, limits):
        row, part = _pack(
            opened,
            Path(out) / name,
            encoding=cast("Encoding", encoding),
            quality=quality,
            resize=resize,
            threads=threads,
        )
        parts.append(part)
        repeats = [line for line in tell_repeats(parts) if line not in told]
        told += repeats
        rows.append({"source": source, **row, "warnings": [*row["warnings"], *repeats]})
    print_warnings([warning for row in rows for warning in row["warnings"]])
    if not write_json(rows, json_file):
        _print_rows(rows)


def _pack(source: Source, prefix: Path, **options: Any) -> tuple[dict[str, Any], Part]:
    """The row that tells what was done, and the images for a look at repeated ones."""
    from gluonlab.data.classes import classes_of, tell_missing
    from gluonlab.data.duplicates import Part
    from gluonlab.data.packing import pack_source

    classes = classes_of(source)
    with progress_bar(prefix.name) as progress:
        report = pack_source(source, prefix, progress=progress, class_names=classes, **options)
    count = len(classes) or int(source.labels.max()) + 1
    row = {
        "split": prefix.name,
        "path": f"{prefix}.rec",
        "records": report.records,
        "resumed": report.resumed,
        "bytes": report.bytes,
        "seconds": report.seconds,
        "classes": count,
        "warnings": [*tell_missing(source, count, prefix.name), *report.warnings],
    }
    return row, Part(prefix.name, report.digests, source.labels, source.where)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB"
        resumed = f" ({row['resumed']} of them before)" if row["resumed"] else ""
        took = f"{size}, {row['seconds']:.1f} s"
        typer.echo(f"{row['split']}: {row['records']} images{resumed}, {took} -> {row['path']}")
    typer.echo(_next_step(rows))


def _next_step(rows: list[dict[str, Any]]) -> str:
    """A command for what was packed, and the keys for a recipe where gluonlab has none for this set."""
    from gluonlab.config.recipe_file import override

    keys = [override(f"data.{_role(row['split'])}", row["path"]) for row in rows]
    keys = ["data.name=record", *keys, f"data.classes={max(row['classes'] for row in rows)}"]
    published = SETS.get(rows[0]["source"])
    recipe = published.recipe if published else None
    if recipe:
        return f"next: {gluonlab_command('train', recipe, *keys, 'data.path=null')}"
    return f"for a recipe: {shlex.join(keys)}\nnext: {gluonlab_command('data', 'stats', rows[0]['path'])}"


def _role(split: str) -> str:
    """Which of a recipe's two splits the one of this name is."""
    words = re.findall(r"[a-z]+", split.lower())
    return "val" if VALIDATION.intersection(words) else "train"
