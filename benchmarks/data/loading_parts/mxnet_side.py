"""MXNet's side: mxnet_side.py ROW FOLDER THREADS ITERATORS prints images per second.

ImageRecordIter uses half the cores less one for decoding, at least one, whatever ``preprocess_threads`` says.
With two ITERATORS, each on half of the records and in a Python thread of its own, two cores decode.
"""

from __future__ import annotations

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["OMP_NUM_THREADS"] = sys.argv[3]

from gluonlab.runtime.mxnet import mx

CROP = {
    "random_resized_crop": True,
    "min_random_area": 0.08,
    "max_random_area": 1.0,
    "min_aspect_ratio": 3 / 4,
    "max_aspect_ratio": 4 / 3,
    "rand_mirror": True,
}
ROWS: dict[str, dict[str, Any]] = {
    "train": CROP,
    "val": {"resize": 256},
    "jitter": {**CROP, "brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "pca_noise": 0.1},
}


def main(row: str, folder: str, threads: str, iterators: str) -> None:
    """Two passes; the second counts."""
    parts = int(iterators)
    readers = [
        mx.io.ImageRecordIter(
            path_imgrec=f"{folder}/images.rec",
            data_shape=(3, 224, 224),
            batch_size=64,
            preprocess_threads=int(threads),
            prefetch_buffer=4,
            mean_r=123.675,
            mean_g=116.28,
            mean_b=103.53,
            std_r=58.395,
            std_g=57.12,
            std_b=57.375,
            num_parts=parts,
            part_index=part,
            **ROWS[row],
        )
        for part in range(parts)
    ]
    with ThreadPoolExecutor(parts) as pool:
        for _ in range(2):
            start = time.perf_counter()
            images = sum(pool.map(_drain, readers))
            speed = images / (time.perf_counter() - start)
    print(speed)


def _drain(reader: Any) -> int:
    reader.reset()
    images = 0
    for batch in reader:
        batch.data[0].wait_to_read()
        images += len(batch.data[0]) - batch.pad
    return images


if __name__ == "__main__":
    main(*sys.argv[1:])
