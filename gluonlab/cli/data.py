"""``gluonlab data``: turn data sets into record files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, cast

import typer

from gluonlab.cli.output import JSON_OPTION, write_json
from gluonlab.errors import ConfigError, DataError

if TYPE_CHECKING:
    from gluonlab.data.packing import Encoding, Progress
    from gluonlab.data.source import Source

SETS = ("digits", "cifar10", "cifar100", "mnist")
SPLITS = ("train", "val")
ENCODINGS = ("png", "jpeg", "keep")

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make record files from data sets.")


@app.command()
def pack(
    source: str = typer.Argument(..., help=f"{', '.join(SETS)}, or a folder of images."),
    out: str = typer.Argument(..., help="Folder for train.rec, val.rec and their indexes."),
    path: Optional[str] = typer.Option(None, help="Folder or archive of cifar10, cifar100, mnist."),
    split: Optional[str] = typer.Option(None, help="Name for a folder of class folders.  [default: train]"),
    encoding: Optional[str] = typer.Option(
        None, help="png, jpeg or keep.  [default: keep; png for data sets]"
    ),
    quality: int = typer.Option(95, min=1, max=100, help="Quality of jpeg."),
    resize: Optional[int] = typer.Option(None, min=1, help="Scale the shorter side to so many pixels."),
    threads: Optional[int] = typer.Option(
        None, min=1, max=256, help="Encoding threads.  [default: all cores]"
    ),
    json_file: Optional[str] = JSON_OPTION,
) -> None:
    """Write a data set, or a folder of images, as record files for training.

    A folder holds one folder of images for each class, or such a folder as train/ and one as val/.

    Example: gluonlab data pack cifar10 data/cifar10 --path cifar-10-binary.tar.gz
    """
    encoding = encoding or ("png" if source in SETS else "keep")
    if encoding not in ENCODINGS:
        raise ConfigError("CLI02", "--encoding", f"{encoding!r} is none of {', '.join(ENCODINGS)}")
    from gluonlab.data.packing import pack_source

    rows: list[dict[str, Any]] = []
    for name, opened in _splits(source, path, split):
        classes: tuple[str, ...] = getattr(opened, "classes", ())
        with _progress(name) as progress:
            report = pack_source(
                opened,
                Path(out) / name,
                encoding=cast("Encoding", encoding),
                quality=quality,
                resize=resize,
                threads=threads,
                progress=progress,
                class_names=classes,
            )
        count = len(classes) or int(opened.labels.max()) + 1
        rows.append(
            {"split": name, "path": str(Path(out) / f"{name}.rec"), **asdict(report), "classes": count}
        )
    if not write_json(rows, json_file):
        _print_rows(rows)


def _splits(source: str, path: Optional[str], split: Optional[str]) -> Iterator[tuple[str, Source]]:
    """Each split's name and source; one at a time, as a data set may fill much of the memory."""
    is_folder = source not in SETS
    if is_folder and path is not None:
        raise ConfigError("CLI02", "--path", f"not used with the folder {source}")
    folder = Path(source)
    is_single = is_folder and not all((folder / name).is_dir() for name in SPLITS)
    if split is not None and not is_single:
        raise ConfigError("CLI02", "--split", f"{source} has its own splits, train and val")
    if split is not None and split != Path(split).name:
        raise ConfigError("CLI02", "--split", f"{split!r} is not a file name")
    if not is_folder:
        for name in SPLITS:
            yield name, _open_set(source, path, name)
        return
    from gluonlab.data.folder import FolderSource

    if is_single:
        yield split or "train", FolderSource(folder)
        return
    opened = [FolderSource(folder / name) for name in SPLITS]
    if opened[0].classes != opened[1].classes:
        differ = ", ".join(sorted(set(opened[0].classes) ^ set(opened[1].classes))[:5])
        raise DataError("DAT12", source, f"train/ and val/ have different classes: {differ}")
    yield from zip(SPLITS, opened)


def _open_set(name: str, path: Optional[str], split: str) -> Source:
    from gluonlab.data.cifar import load_cifar10, load_cifar100
    from gluonlab.data.digits import load_digits
    from gluonlab.data.mnist import load_mnist

    if name == "digits":
        if path is not None:
            raise ConfigError("CLI02", "--path", "not used with digits, which ship with gluonlab")
        return load_digits(split)
    if path is None:
        raise ConfigError("CLI02", name, "where are its files?", "give --path FOLDER_OR_ARCHIVE")
    loaders = {"cifar10": load_cifar10, "cifar100": load_cifar100, "mnist": load_mnist}
    return loaders[name](path, split)


@contextmanager
def _progress(name: str) -> Iterator[Optional[Progress]]:
    if not sys.stderr.isatty():
        yield None
        return
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn(name),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB"
        typer.echo(
            f"{row['split']}: {row['records']} images, {size}, {row['seconds']:.1f} s -> {row['path']}"
        )
    files = " ".join(f"data.{row['split']}={row['path']}" for row in rows)
    classes = max(row["classes"] for row in rows)
    typer.echo(f"next: gluonlab train RECIPE data.name=record {files} data.classes={classes}")
