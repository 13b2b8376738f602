"""PyTorch's side: torch_side.py ROW FOLDER WORKERS prints images per second. Needs torch and Pillow alone.

As an ImageNet example is written, with its best settings: Pillow decodes at a smaller scale where that is
enough (draft), crops while it resizes (box), bytes cross to the main process, which normalises.
"""

from __future__ import annotations

import math
import random
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageEnhance

MEAN = torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1)
SCALE = 1 / torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1)
SIZE = 224


class Photographs(torch.utils.data.Dataset):
    """The JPEGs of a folder: (224, 224, 3) uint8."""

    def __init__(self, folder: str, row: str) -> None:
        self._files = sorted(Path(folder).glob("*.jpg"))
        self._row = row

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return torch.from_numpy(np.array(look(self._files[index], self._row))), index % 10


def look(file: Any, row: str) -> Image.Image:
    """What ``row`` shows of a JPEG: (224, 224)."""
    image: Image.Image = Image.open(file)
    left, top, width, height = _centre(*image.size) if row == "val" else _random_crop(*image.size)
    full_width, full_height = image.size
    image.draft("RGB", (math.ceil(full_width * SIZE / width), math.ceil(full_height * SIZE / height)))
    scale = image.size[0] / full_width
    box = (left * scale, top * scale, (left + width) * scale, (top + height) * scale)
    image = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR, box)
    if row != "val" and random.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if row == "jitter":
        changes = [ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color]
        random.shuffle(changes)
        for change in changes:
            image = change(image).enhance(random.uniform(0.6, 1.4))
    return image


def _centre(width: int, height: int) -> tuple[float, float, float, float]:
    side = min(width, height) * SIZE / 256
    return (width - side) / 2, (height - side) / 2, side, side


def _random_crop(width: int, height: int) -> tuple[float, float, float, float]:
    for _ in range(10):
        area = width * height * random.uniform(0.08, 1)
        ratio = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, width - w), random.randint(0, height - h), w, h
    side = min(width, height)
    return (width - side) / 2, (height - side) / 2, side, side


def images_per_sec(loader: Any) -> float:
    """Of the second of two passes over batches of pixels and labels, which are normalised here."""
    for _ in range(2):
        start, images = time.perf_counter(), 0
        for pixels, _labels in loader:
            batch = (pixels.permute(0, 3, 1, 2).float() - MEAN) * SCALE
            images += len(batch)
        speed = images / (time.perf_counter() - start)
    return speed


def main(row: str, folder: str, workers: str) -> None:
    """Two passes with living workers; the second counts."""
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(
        Photographs(folder, row),
        batch_size=64,
        num_workers=int(workers),
        persistent_workers=True,
        prefetch_factor=4,
    )
    print(images_per_sec(loader))


if __name__ == "__main__":
    main(*sys.argv[1:])
