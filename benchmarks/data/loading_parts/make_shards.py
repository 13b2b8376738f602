"""The images of make_images.py in FOLDER as a record file, a .tar and two .parquet: make_shards.py FOLDER."""

from __future__ import annotations

import io
import shutil
import sys
import tarfile
from pathlib import Path

import pyarrow
from pyarrow import parquet


def main(name: str) -> None:
    """Labels are the numbers of the images, of which 10 are classes."""
    folder = Path(name)
    files = sorted(folder.glob("*.jpg"))
    shutil.copyfile(folder / "images.rec", folder / "random.rec")
    with tarfile.open(folder / "shard.tar", "w") as archive:
        for number, file in enumerate(files):
            for ending, content in (("jpg", file.read_bytes()), ("cls", str(number % 10).encode())):
                member = tarfile.TarInfo(f"{number:05}.{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    images = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    labels = [number % 10 for number in range(len(files))]
    table = pyarrow.table({"image": images, "label": labels})
    for compression in ("none", "snappy"):
        parquet.write_table(
            table, folder / f"{compression}.parquet", compression=compression, row_group_size=100
        )


if __name__ == "__main__":
    main(sys.argv[1])
