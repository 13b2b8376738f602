"""Where the images of a shard lie, byte for byte, and what their labels are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from gluonlab.data.array_file import save_arrays

IMAGE_NAMES = ("image", "img", "jpg", "jpeg", "png", "webp", "bmp")
LABEL_NAMES = ("label", "cls", "class", "target", "fine_label")
"""What the columns of images and labels are called, the first that is there; also in the JSON of a sample."""


@dataclass(frozen=True)
class Layout:
    """Image i is ``sizes[i]`` bytes from ``offsets[i]`` on in ``file``: of the shard itself, or unpacked.

    ``shard`` is what messages name; ``classes`` are its names of classes, or ().
    """

    shard: str
    file: Path
    offsets: NDArray[np.int64]
    sizes: NDArray[np.int64]
    labels: NDArray[np.int64]
    classes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.offsets)

    def where(self, index: int) -> str:
        """Shard, number and byte of image ``index``."""
        return f"{self.shard}: image {index} at byte {self.offsets[index]}"

    def save(self, path: Path) -> None:
        """Write it under its name only when it is whole."""
        said = {"shard": self.shard, "file": str(self.file), "classes": json.dumps(self.classes)}
        arrays = {"offsets": self.offsets, "sizes": self.sizes, "labels": self.labels}
        save_arrays(path, arrays, said)


def load_layout(path: Path) -> Layout:
    """What `Layout.save` wrote, by this process or another one that read the shard for it."""
    with safe_open(path, framework="numpy") as file:  # type: ignore[no-untyped-call]
        arrays = {name: file.get_tensor(name) for name in ("offsets", "sizes", "labels")}
        said = file.metadata()
    return Layout(said["shard"], Path(said["file"]), **arrays, classes=tuple(json.loads(said["classes"])))
