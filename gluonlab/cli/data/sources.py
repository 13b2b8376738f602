"""What a user calls a source: a name of a set, a folder, a record file, a list, arrays."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Optional

import typer

from gluonlab.data.sections.base import Split
from gluonlab.data.sections.files import ShardedSection
from gluonlab.data.sections.published import published_sets
from gluonlab.errors import ConfigError

if TYPE_CHECKING:
    from gluonlab.data.image_limits import ImageLimits
    from gluonlab.data.source import Source
    from gluonlab.data.verification.index import VerifiedIndex
    from gluonlab.data.verification.verify import Kind

SETS = published_sets()
PATH = typer.Option(
    None, help=f"Folder or archive of {', '.join(name for name, each in SETS.items() if each.publication)}."
)
CACHE_BYTES = round(1e9 * ShardedSection.model_fields["cache_gigabytes"].default)
SPLITS: tuple[Split, ...] = ("train", "val")
LISTS = (".lst", ".txt", ".tsv")


def open_set(name: str, path: Optional[str], split: str) -> Source:
    """A split of one of `SETS`."""
    is_fetched = SETS[name].publication is not None
    if not is_fetched and path is not None:
        raise ConfigError("CLI02", "--path", f"not used with {name}, which ships with gluonlab")
    if is_fetched and path is None:
        raise ConfigError("CLI02", name, "where are its files?", "give --path FOLDER_OR_ARCHIVE")
    for known in SPLITS:
        if split == known:
            return SETS[name].load(path, known)
    raise ConfigError("CLI02", "--split", f"{split!r} is none of {', '.join(SPLITS)}")


def open_source(source: str, path: Optional[str], split: str, limits: ImageLimits) -> Source:
    """What can be described: a split of a set, ``.rec`` files, an ``.npz`` file, a folder of classes."""
    if source in SETS:
        return open_set(source, path, split)
    if path is not None:
        raise ConfigError("CLI02", "--path", f"not used with {source}")
    files = as_files(source)
    if files:
        return open_files(files, limits)
    if source.endswith(".npz"):
        from gluonlab.data.npz import load_npz

        return load_npz(source)
    from gluonlab.data.folder import FolderSource

    folder = Path(source, split) if Path(source, split).is_dir() else Path(source)
    return FolderSource(folder, _good_index("folder", folder), limits=limits)


def as_files(source: str) -> list[tuple[Kind, Path]]:
    """The record files or shards that ``source`` names: a file, a folder, a pattern; [] if it is not that."""
    from gluonlab.data.record_files import SUFFIX, record_files
    from gluonlab.data.remote.addresses import is_remote
    from gluonlab.data.remote.split import remote_kind, remote_split
    from gluonlab.data.shards.files import kind_of, shard_files

    if is_remote(source):
        return [
            (remote_kind(source), path) for path in remote_split(remote_kind(source), source, (), CACHE_BYTES)
        ]
    kind = kind_of(source)
    if kind is not None:
        return [(kind, path) for path in shard_files(kind, source)]
    path = Path(source)
    if path.is_dir() and not any(each.suffix == SUFFIX for each in path.iterdir()):
        return []
    is_named = path.is_dir() or source.endswith(SUFFIX)
    return [("record", path) for path in record_files(source)] if is_named else []


def open_files(files: list[tuple[Kind, Path]], limits: ImageLimits) -> Source:
    """Record files as they are, shards after they were verified, which is how their images are found."""
    from gluonlab.data.classes import numbered_by
    from gluonlab.data.concatenation import Concatenation, FileSource
    from gluonlab.data.packing import usable_cores
    from gluonlab.data.record_source import RecordSource
    from gluonlab.data.verification.verify import verified
    from gluonlab.data.verified_source import open_one

    opened: list[FileSource] = []
    for kind, path in files:
        source: FileSource
        if kind == "record":
            source = RecordSource(path, index=_good_index(kind, path), limits=limits)
        else:
            index = verified(kind, path, processes=usable_cores(), limits=limits)
            source = open_one(kind, path, index, limits)
        opened.append(numbered_by(opened[0].classes if opened else (), source))
    return opened[0] if len(opened) == 1 else Concatenation(opened)


def _good_index(kind: Kind, path: Path) -> Optional[VerifiedIndex]:
    """That of an earlier verification, which found nothing bad."""
    from gluonlab.data.verification.verify import known_index

    index = known_index(kind, path)
    return None if index is None or index.bad else index


def open_splits(
    source: str,
    path: Optional[str],
    split: Optional[str],
    root: Optional[str],
    labels: Optional[str],
    limits: ImageLimits,
) -> Iterator[tuple[str, Source]]:
    """Each split's name and source; one at a time, as a data set may fill much of the memory."""
    if source in SETS:
        _refuse("--split", split, f"{source} has its own splits, train and val")
        _refuse("--labels", labels, f"{source} has its own classes")
        _refuse("--root", root, f"not used with {source}")
        for name in SPLITS:
            yield name, open_set(source, path, name)
        return
    _refuse("--path", path, f"not used with the folder {source}")
    if split is not None and split != Path(split).name:
        raise ConfigError("CLI02", "--split", f"{split!r} is not a file name")
    from gluonlab.data.classes import numbered_by, read_class_names
    from gluonlab.data.folder import FolderSource
    from gluonlab.data.list_file import ListSource

    classes = read_class_names(labels) if labels else ()
    if source.endswith(LISTS):
        yield split or Path(source).stem, ListSource(source, root or Path(source).parent, classes, limits)
        return
    _refuse("--root", root, "is used with a list")
    files = as_files(source)
    if files:
        _refuse("--labels", labels, "not used with files that say their labels; name them in classes.txt")
        yield split or "train", open_files(files, limits)
        return
    folder = Path(source)
    if not all((folder / name).is_dir() for name in SPLITS):
        yield split or "train", FolderSource(folder, classes=classes, limits=limits)
        return
    _refuse("--split", split, f"{source} has its own splits, train and val")
    train = FolderSource(folder / "train", classes=classes, limits=limits)
    val = numbered_by(train.classes, FolderSource(folder / "val", limits=limits))
    yield from zip(SPLITS, (train, val))


def _refuse(option: str, value: Optional[str], why: str) -> None:
    if value is not None:
        raise ConfigError("CLI02", option, why)


@contextmanager
def progress_bar(name: str) -> Iterator[Optional[Callable[[int, int], None]]]:
    """What to tell (done, of) to; None where nobody looks."""
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
