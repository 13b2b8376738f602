"""What one process of several reads: read_share.py OUT RANK SIZE FIRST STOP SAMPLES..., run by test_ledger.

For each number of samples it goes through the updates FIRST to STOP - 1 while more are requested, as in a run
that is interrupted; it leaves images, labels (the numbers of the samples) and epochs by (update, worker).
"""

import sys

import numpy as np

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.placement import ShiftCrop
from gluonlab.data.augment.views import WholeImage
from gluonlab.data.collate import normalise
from gluonlab.data.loader import SourceLoader
from gluonlab.data.sampler import Sampler
from gluonlab.data.source import ArraySource
from gluonlab.epochs import Epochs
from gluonlab.runtime.mxnet import mx

BATCH, WORKERS = 32, 4
NEVER_SEEN = 5  # updates that are requested after the last one


def main(out, rank, size, first, stop, *sizes):
    mine = WORKERS // int(size)
    workers = range(int(rank) * mine, (int(rank) + 1) * mine)
    arrays = {}
    for samples in map(int, sizes):
        images = np.random.RandomState(samples).randint(0, 256, (samples, 8, 8, 3)).astype(np.uint8)
        loader = SourceLoader(
            ArraySource(images, np.arange(samples)),
            ctx=mx.cpu(),
            seed=3,
            augmentation=Augmentation(WholeImage(8), 3, (ShiftCrop(2, flip=True),)),
            collate=normalise([1, 2, 3], [2, 4, 8], mx.cpu()),
            threads=2,
        )
        sampler = Sampler(Epochs(samples, BATCH), seed=3)
        requests = list(sampler.requests(int(first), int(stop) + NEVER_SEEN, BATCH // WORKERS, workers))
        batches = loader.batches(iter(requests))
        for request in requests[: (int(stop) - int(first)) * mine]:
            pixels, labels = next(batches)
            name = f"{samples}/{request.turn[0]:03}/{request.turn[1]}"
            arrays[f"{name}/images"] = pixels.asnumpy()
            arrays[f"{name}/labels"] = labels.asnumpy()
            arrays[f"{name}/epochs"] = request.epochs
        batches.close()
    np.savez(out, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
