"""Parquet files with a column of image files and one of labels, as Hugging Face's datasets have them.

Where the column is not compressed, its images lie in the file byte for byte and are read from there. Others
are unpacked once, one after another, into a file of the cache.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import numpy as np

from gluonlab.commands import pip_command
from gluonlab.data.shards.layout import IMAGE_NAMES, LABEL_NAMES, Layout
from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import DataError, SetupError

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

Places = list[tuple[int, int]]


class Columns(NamedTuple):
    """Paths of the two columns, and the names of the classes where the file tells them."""

    image: str
    label: str
    classes: tuple[str, ...]


def scan_parquet(path: Path, unpacked: Path) -> Layout:
    """The rows of ``path``, whose images are written to ``unpacked`` if they are compressed.

    Raises:
        DataError: DAT01 no rows, DAT04 damaged, DAT05 no Parquet file, or columns of another type, DAT12 a
            label that is no class.
        SetupError: ENV31 pyarrow is not installed.
    """
    try:
        import pyarrow
        from pyarrow.parquet import ParquetFile
    except ImportError:
        hint = pip_command("install", "gluonlab[parquet]")
        raise SetupError("ENV31", str(path), "pyarrow, which reads Parquet, is not installed", hint) from None
    try:
        with ParquetFile(path) as file:
            columns = _columns_of(path, file)
            labels = [label for number in _groups(file) for label in _labels(path, file, number, columns)]
            if not labels:
                raise DataError("DAT01", str(path), "0 rows")
            places = _places_within(path, file, columns)
            where = path if places is not None else unpacked
            places = _unpack(path, file, columns, unpacked) if places is None else places
    except pyarrow.ArrowException as error:
        what = str(error).split("\n")[0][:200]
        raise DataError("DAT04", str(path), f"damaged, or no Parquet file: {what}") from None
    offsets, sizes = np.array(places, np.int64).T.copy()
    return Layout(path.name, where, offsets, sizes, np.array(labels, np.int64), columns.classes)


def _groups(file: ParquetFile) -> range:
    return range(file.num_row_groups)


def _columns_of(path: Path, file: ParquetFile) -> Columns:
    from pyarrow import types

    schema = file.schema_arrow
    image = next((name for name in IMAGE_NAMES if name in schema.names), None)
    label = next((name for name in LABEL_NAMES if name in schema.names), None)
    if image is None or label is None:
        wanted = (
            f"images ({', '.join(IMAGE_NAMES)})" if image is None else f"labels ({', '.join(LABEL_NAMES)})"
        )
        raise DataError(
            "DAT05", str(path), f"has no column of {wanted}; its columns: {', '.join(schema.names)}"
        )
    kind, label_kind = schema.field(image).type, schema.field(label).type
    if types.is_struct(kind) and kind.get_field_index("bytes") >= 0:  # Hugging Face: {bytes, path}
        column, kind = f"{image}.bytes", kind.field("bytes").type
    else:
        column = image
    if not (types.is_binary(kind) or types.is_large_binary(kind)):
        raise DataError("DAT05", str(path), f"column {column!r} is {kind}, not the bytes of image files")
    if not types.is_integer(label_kind):
        raise DataError("DAT05", str(path), f"column {label!r} is {label_kind}, not whole numbers")
    return Columns(column, label, _class_names(schema.metadata, label))


def _class_names(metadata: Optional[dict[bytes, bytes]], label: str) -> tuple[str, ...]:
    """What Hugging Face's datasets say of a ``ClassLabel``."""
    try:
        said = json.loads((metadata or {})[b"huggingface"])
        names = said["info"]["features"][label]["names"]
    except (KeyError, ValueError, TypeError, RecursionError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _labels(path: Path, file: ParquetFile, group: int, columns: Columns) -> Iterator[int]:
    column = file.read_row_group(group, columns=[columns.label]).column(0)
    for row, value in enumerate(column.to_pylist()):
        if value is None or abs(value) >= 2**31:
            what = "no label" if value is None else f"label {value} is beyond 32 bits"
            raise DataError("DAT12", f"{path.name}: row {row} of group {group}", what)
        yield value


def _images(path: Path, file: ParquetFile, group: int, columns: Columns) -> Iterator[bytes]:
    (column,) = file.read_row_group(group, columns=[columns.image]).columns
    row = 0
    for chunk in column.chunks:
        for value in chunk.flatten()[0] if columns.image.endswith(".bytes") else chunk:
            if not value.is_valid:
                raise DataError("DAT05", f"{path.name}: row {row} of group {group}", "has no image")
            yield value.as_py()
            row += 1


def _places_within(path: Path, file: ParquetFile, columns: Columns) -> Optional[Places]:
    """Offset and size of each image in the file itself; None if one does not lie there as it is."""
    places: Places = []
    with reading(path), path.open("rb") as raw:
        for group in _groups(file):
            chunk = _chunk_of(file, group, columns.image)
            if chunk.compression != "UNCOMPRESSED":
                return None
            start = chunk.dictionary_page_offset if chunk.has_dictionary_page else chunk.data_page_offset
            raw.seek(start)
            content, at = raw.read(chunk.total_compressed_size), 0
            for image in _images(path, file, group, columns):
                found = content.find(image, at)
                if found < 0:  # in a dictionary, which has each value once
                    found = content.find(image)
                if found < 0:
                    return None
                places.append((start + found, len(image)))
                at = found + len(image)
    return places


def _chunk_of(file: ParquetFile, group: int, column: str) -> Any:
    said = file.metadata.row_group(group)
    chunks = (said.column(number) for number in range(said.num_columns))
    return next(chunk for chunk in chunks if chunk.path_in_schema == column)


def _unpack(path: Path, file: ParquetFile, columns: Columns, unpacked: Path) -> Places:
    """Write all images to ``unpacked``, under its name when they are whole; returns where each lies."""
    places: Places = []
    make_folder(unpacked.parent)
    temporary = unpacked.with_name(f"{unpacked.name}.tmp-{os.getpid()}")
    at = 0
    try:
        with writing(unpacked), temporary.open("wb") as output:
            for group in _groups(file):
                for image in _images(path, file, group, columns):
                    output.write(image)
                    places.append((at, len(image)))
                    at += len(image)
        os.replace(temporary, unpacked)
    finally:
        temporary.unlink(missing_ok=True)
    return places
