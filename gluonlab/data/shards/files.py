"""Which shards a split consists of, and of what kind those are that somebody names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Optional, Union

from gluonlab.data.record_files import files_of
from gluonlab.data.shards import ShardKind
from gluonlab.disk import reading
from gluonlab.errors import DataError

SUFFIXES: dict[ShardKind, str] = {"webdataset": ".tar", "parquet": ".parquet", "mds": ".mds"}
INDEX = "index.json"


def shard_files(kind: ShardKind, where: Union[str, Sequence[str]]) -> list[Path]:
    """The shards of ``where``, in their order; of MDS, a folder or folders with an ``index.json``.

    Raises:
        DataError: DAT01 a shard is missing, DAT04 not as long as the index says, DAT05 no such index.
    """
    if kind != "mds":
        return files_of(where, SUFFIXES[kind])
    folders = [where] if isinstance(where, str) else where
    return [path for folder in folders for path in _listed(Path(folder))]


def kind_of(where: str) -> Optional[ShardKind]:
    """The kind of the shards ``where``: a file, a folder or a pattern; None if they are no shards."""
    path = Path(where)
    if not path.is_dir():
        named: tuple[ShardKind, ...] = ("webdataset", "parquet")
        return next((kind for kind in named if where.endswith(SUFFIXES[kind])), None)
    if (path / INDEX).is_file():
        return "mds"
    endings = {each.suffix for each in path.iterdir()}
    return next((kind for kind, suffix in SUFFIXES.items() if suffix in endings), None)


def _listed(folder: Path) -> Iterator[Path]:
    """The shards that the index of ``folder`` lists, the unpacked form of each where it is there."""
    index = folder / INDEX
    if not index.is_file():
        raise DataError("DAT01", str(index), "no such file", "MDS shards are a folder with an index.json")
    try:
        with reading(index):
            shards = json.loads(index.read_bytes())["shards"]
        files = [[shard["raw_data"], shard.get("zip_data")] for shard in shards if shard["format"] == "mds"]
        sizes = [{str(file["basename"]): int(file["bytes"]) for file in both if file} for both in files]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise DataError("DAT05", str(index), "is no index of MDS shards") from None
    if len(sizes) != len(shards) or not sizes:
        raise DataError("DAT05", str(index), "lists shards of another format, or none")
    for forms in sizes:
        yield _checked(folder, forms, index)


def _checked(folder: Path, forms: dict[str, Any], index: Path) -> Path:
    for name, size in forms.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise DataError("DAT21", str(index), f"lists {name}, which is outside of its folder")
        if path.is_file():
            is_size = path.stat().st_size
            if is_size != size:
                what = f"{is_size:,} bytes, {index.name} says {size:,}: cut short, or another file"
                raise DataError("DAT04", str(path), what)
            return path
    raise DataError("DAT01", str(folder / next(iter(forms))), f"no such shard, which {index.name} lists")
