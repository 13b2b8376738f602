"""WebDataset's side: webdataset_side.py ROW FOLDER WORKERS prints images per second.

Needs torch, Pillow and webdataset. Its own loader, WebLoader (PyTorch's DataLoader), as its documentation has
it; the pixels are made as those of torch_side.py. Each worker has a shard, so that all work.
"""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset

from benchmarks.data.loading_parts.torch_side import images_per_sec, look


def main(row: str, folder: str, workers: str) -> None:
    """Two passes with living workers; the second counts."""
    torch.set_num_threads(1)
    shards = _split(Path(folder), int(workers))

    def decoded(sample: tuple[bytes, bytes]) -> tuple[Any, int]:
        return torch.from_numpy(np.array(look(io.BytesIO(sample[0]), row))), int(sample[1])

    images = webdataset.WebDataset(shards, shardshuffle=False, nodesplitter=None).shuffle(100)
    loader = webdataset.WebLoader(
        images.to_tuple("jpg", "cls").map(decoded).batched(64),
        batch_size=None,
        num_workers=int(workers),
        persistent_workers=True,
        prefetch_factor=4,
    )
    print(images_per_sec(loader))


def _split(folder: Path, parts: int) -> list[str]:
    """The shard in ``parts`` equal ones."""
    paths = [str(folder / f"part-{number}.tar") for number in range(parts)]
    if not Path(paths[0]).exists():
        with tarfile.open(folder / "shard.tar") as whole:
            members = whole.getmembers()
            for number, path in enumerate(paths):
                with tarfile.open(path, "w") as part:
                    for place, member in enumerate(members):
                        if place // 2 % parts == number:
                            part.addfile(member, whole.extractfile(member))
    return paths


if __name__ == "__main__":
    main(*sys.argv[1:])
