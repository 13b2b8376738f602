"""gluonlab's side: gluonlab_side.py ROW FOLDER THREADS [KIND FILE] prints images per second."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.colour import ColourJitter, Lighting
from gluonlab.data.augment.rand_augment import RandAugment
from gluonlab.data.augment.views import CentreCrop, InceptionCrop
from gluonlab.data.collate import normalise
from gluonlab.data.loader import SourceLoader
from gluonlab.data.sampler import Request
from gluonlab.data.verification.verify import Kind
from gluonlab.data.verified_source import open_verified
from gluonlab.runtime.mxnet import mx

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
CROP = InceptionCrop(224)
AUGMENTATIONS = {
    "train": Augmentation(CROP, 3),
    "val": Augmentation(CentreCrop(224, 256), 3),
    "jitter": Augmentation(CROP, 3, (ColourJitter(0.4, 0.4, 0.4), Lighting(0.1))),
    "randaugment": Augmentation(CROP, 3, (RandAugment(2, 9, MEAN),)),
}


def main(row: str, folder: str, threads: str, kind: Kind = "record", file: str = "images.rec") -> None:
    """Two passes; the second counts. The record file in its order, as peers read it; FILE as in training."""
    source = open_verified(kind, [Path(folder) / file], 10)
    order = (
        np.random.RandomState(0).permutation(len(source)) if file != "images.rec" else np.arange(len(source))
    )
    loader = SourceLoader(
        source,
        ctx=mx.cpu(),
        augmentation=AUGMENTATIONS[row],
        collate=normalise(MEAN, STD, mx.cpu()),
        threads=int(threads),
    )
    for epoch in range(2):
        start, images = time.perf_counter(), 0
        requests = (
            Request(order[first : first + 64], np.full(64, epoch)) for first in range(0, len(source), 64)
        )
        for batch, _ in loader.batches(requests):
            batch.wait_to_read()
            images += len(batch)
        speed = images / (time.perf_counter() - start)
    print(speed)


if __name__ == "__main__":
    main(*sys.argv[1:])  # type: ignore[arg-type]
