"""Tar shards of WebDataset: members that share a name up to its first dot are one sample.

Conventions: https://github.com/webdataset/webdataset (``.cls`` holds the label as text, ``.json`` a table).
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Optional

import numpy as np

from gluonlab.data.shards.layout import LABEL_NAMES, Layout
from gluonlab.disk import reading
from gluonlab.errors import DataError

IMAGE_ENDINGS = ("jpg", "jpeg", "png", "webp", "bmp")
_MAX_LABEL_BYTES = 1 << 20
_COMPRESSED = {b"\x1f\x8b": "gunzip", b"BZ": "bunzip2", b"\xfd7": "unxz", b"(\xb5": "unzstd"}

Members = dict[str, tarfile.TarInfo]


def scan_tar(path: Path) -> Layout:
    """The samples of the shard ``path``, in its order.

    Raises:
        DataError: DAT04 cut short or damaged, DAT05 no plain tar or a sample without one image, DAT12 a
            sample without a label, DAT45 a key that comes twice.
    """
    offsets, sizes, labels = [], [], []
    keys: set[str] = set()
    with reading(path), path.open("rb") as file:
        for key, members in _samples(path, file):
            where = f"{path.name}: sample {key!r}"
            if key in keys:
                raise DataError("DAT45", where, "comes twice in the shard")
            keys.add(key)
            image = _image_of(members, where)
            offsets.append(image.offset_data)
            sizes.append(image.size)
            labels.append(_label_of(members, file, where))
    if not offsets:
        raise DataError("DAT01", str(path), "0 samples")
    offset, size, label = (np.array(column, np.int64) for column in (offsets, sizes, labels))
    return Layout(path.name, path, offset, size, label)


def _samples(path: Path, file: IO[bytes]) -> Iterator[tuple[str, Members]]:
    """Key and members of each sample, as they follow one another."""
    key, members = "", Members()
    for member in _members(path, file):
        folder, _, name = member.name.rpartition("/")
        if not member.isreg() or name.startswith("__"):
            continue
        stem, _, ending = name.partition(".")
        its = f"{folder}/{stem}" if folder else stem
        if its != key and members:
            yield key, members
            members = {}
        key = its
        if ending.lower() in members:
            raise DataError("DAT45", f"{path.name}: sample {key!r}", f"has two .{ending}")
        members[ending.lower()] = member
    if members:
        yield key, members


def _members(path: Path, file: IO[bytes]) -> Iterator[tarfile.TarInfo]:
    start = file.read(2)
    file.seek(0)
    if start in _COMPRESSED:
        what = "is compressed, and cannot be read from the middle"
        raise DataError("DAT05", str(path), what, f"unpack it once with {_COMPRESSED[start]}")
    length = path.stat().st_size
    try:
        with reading(path), tarfile.open(fileobj=file, mode="r:") as archive:
            # Python 3.9 would seek to before the start of an empty archive.
            members = iter(archive.next, None) if archive.firstmember else ()  # type: ignore[attr-defined]
            for member in members:
                archive.members = []  # type: ignore[attr-defined]  # a million of them would stay in memory
                end = member.offset_data + member.size
                if member.issparse() or end > length:
                    what = "sparse" if member.issparse() else f"cut short: ends at byte {end:,} of {length:,}"
                    raise DataError("DAT04", f"{path.name}: {member.name}", what)
                yield member
            end = archive.offset
    except tarfile.TarError as error:
        raise DataError("DAT04", str(path), f"cut short, or no tar: {error}") from None
    file.seek(end)
    block = file.read(tarfile.BLOCKSIZE)  # tarfile takes a damaged header, or none, for the end
    if len(block) < tarfile.BLOCKSIZE or any(block):
        what = "is no header" if block else "the file ends, without the end of an archive"
        raise DataError("DAT04", f"{path.name}: byte {end:,}", f"{what}: damaged, or cut short")


def _image_of(members: Members, where: str) -> tarfile.TarInfo:
    found = [members[ending] for ending in IMAGE_ENDINGS if ending in members]
    if len(found) != 1:
        has = ", ".join(f".{ending}" for ending in sorted(members))
        raise DataError("DAT05", where, f"has {len(found)} images (its files: {has}); one is expected")
    return found[0]


def _label_of(members: Members, file: IO[bytes], where: str) -> int:
    """What ``.cls`` says, or else the first of `LABEL_NAMES` in ``.json``."""
    value: Any = None
    if "cls" in members:
        value = _content(members["cls"], file, where).decode(errors="replace").strip()
    elif "json" in members:
        try:
            table = json.loads(_content(members["json"], file, where))
        except (ValueError, RecursionError):
            raise DataError("DAT12", where, "its .json is none") from None
        names = [name for name in LABEL_NAMES if isinstance(table, dict) and name in table]
        value = table[names[0]] if names else None
    if value is None:
        hint = f"a .cls, or one of {', '.join(LABEL_NAMES)} in a .json"
        raise DataError("DAT12", where, "has no label", f"expected is {hint}")
    return _whole(value, where)


def _content(member: tarfile.TarInfo, file: IO[bytes], where: str) -> bytes:
    if member.size > _MAX_LABEL_BYTES:
        raise DataError("DAT12", where, f"a label of {member.size:,} bytes")
    file.seek(member.offset_data)
    return file.read(member.size)


def _whole(value: Any, where: str) -> int:
    number: Optional[int] = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and value.lstrip("-").isascii() and value.lstrip("-").isdigit():
        number = int(value[:12])
    if number is None or abs(number) >= 2**31:
        raise DataError("DAT12", where, f"label {value!r:.40} is not a whole number")
    return number
