"""The files of a split that lies at an address."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Union

from gluonlab.data.record_files import SUFFIX
from gluonlab.data.remote.addresses import (
    RemoteFile,
    addresses_in,
    described,
    file_system,
    named_files,
    shown,
)
from gluonlab.data.remote.cache import fetch, fetched
from gluonlab.data.shards.files import INDEX, SUFFIXES
from gluonlab.data.verification.verify import Kind
from gluonlab.disk import reading
from gluonlab.errors import DataError

Where = Union[str, Sequence[str]]


def remote_kind(address: str) -> Kind:
    """What lies at ``address``, by its ending: MDS shards are a folder, the others have one."""
    suffixes: dict[str, Kind] = {SUFFIX: "record", ".tar": "webdataset", ".parquet": "parquet"}
    return next((kind for suffix, kind in suffixes.items() if address.endswith(suffix)), "mds")


def remote_split(kind: Kind, where: Where, other: Where, bound: int) -> Iterator[Path]:
    """The local copies of the shards ``where``, as they come; those of the ``other`` split keep their place.

    Raises:
        DataError: DAT01 a shard is missing, DAT46 it cannot be fetched, DAT47 they are more than ``bound``.
    """
    mine = [file for address in addresses_in(where) for file in _files(kind, address)]
    its: list[RemoteFile] = []
    with suppress(DataError):  # if they cannot be had, opening them says so
        its = [file for address in addresses_in(other) for file in _files(kind, address)]
    yield from fetched(mine, [*mine, *its], bound)


def _files(kind: Kind, address: str) -> list[RemoteFile]:
    if kind == "record":
        return named_files(address, SUFFIX)
    if kind == "webdataset" or kind == "parquet":
        return named_files(address, SUFFIXES[kind])
    files = file_system(address)
    index = described(files, f"{address.rstrip('/')}/{INDEX}")
    place = fetch(index)
    try:
        with reading(place):
            shards = json.loads(place.read_bytes())["shards"]
        names = [(shard.get("zip_data") or shard["raw_data"])["basename"] for shard in shards]
    except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
        raise DataError("DAT05", shown(index.address), "is no index of MDS shards") from None
    if not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise DataError("DAT21", shown(index.address), "lists shards outside of its folder")
    return [described(files, f"{address.rstrip('/')}/{name}") for name in names]
