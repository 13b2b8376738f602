"""Shards of each kind, written without the packages that usually write them where that is possible."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from pathlib import Path

import numpy as np

from gluonlab.data.packing import encode_png

COUNT = 7


def image_of(number):
    return np.random.RandomState(number).randint(256, size=(5 + number % 3, 6, 3), dtype=np.uint8)


def files_of(numbers):
    """Image file and label of each number."""
    return [(encode_png(image_of(number)), number % 3) for number in numbers]


def add(archive, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


def write_tar(path, samples, label="cls"):
    with tarfile.open(path, "w") as archive:
        for number, (content, its) in enumerate(samples):
            add(archive, f"set/{number:04d}.png", content)
            text = str(its) if label == "cls" else json.dumps({"label": its, "width": 6})
            add(archive, f"set/{number:04d}.{label}", text.encode())
    return path


def mds_bytes(samples, columns=(("image", "png", None), ("label", "int", 8))):
    """A shard as MosaicML's MDSWriter writes it: columns in the order of their names."""
    rows = [
        struct.pack("<I", len(content)) + content + struct.pack("<q", label) for content, label in samples
    ]
    names, encodings, sizes = zip(*columns)
    said = {"column_names": names, "column_encodings": encodings, "column_sizes": sizes, "format": "mds"}
    text = json.dumps(said, sort_keys=True).encode()
    first = 4 + 4 * (len(rows) + 1) + len(text)
    ends = np.cumsum([first, *map(len, rows)]).astype("<u4")
    return struct.pack("<I", len(rows)) + ends.tobytes() + text + b"".join(rows)


def write_mds(folder, shards, pack=lambda content: content, ending=""):
    """``shards`` are lists of samples; ``pack`` compresses one."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, samples in enumerate(shards):
        content, name = mds_bytes(samples), f"shard.{number:05d}.mds"
        packed = pack(content)
        (folder / (name + ending)).write_bytes(packed)
        raw = {"basename": name, "bytes": len(content), "hashes": {}}
        zipped = {"basename": name + ending, "bytes": len(packed), "hashes": {}} if ending else None
        rows.append({"format": "mds", "samples": len(samples), "raw_data": raw, "zip_data": zipped})
    (folder / "index.json").write_text(json.dumps({"version": 2, "shards": rows}))
    return folder


def write_parquet(path, samples, compression="none", is_struct=True, names=None, **options):
    import pyarrow as pa
    from pyarrow import parquet

    contents, labels = zip(*samples)
    images = [{"bytes": content, "path": None} for content in contents] if is_struct else list(contents)
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if is_struct else pa.binary()
    table = pa.table({"image": pa.array(images, kind), "label": pa.array(labels, pa.int64())})
    if names:
        said = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(said)})
    parquet.write_table(table, path, compression=compression, row_group_size=3, **options)
    return Path(path)
