"""Draws from MXNet's own augmentations: python draw_mxnet.py FILE COUNT."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.augmentation_parts import draw_statistics as statistics
from benchmarks.data.augmentation_parts.draw_statistics import DARK, HEIGHT, PANORAMA, WIDTH, Draws
from gluonlab.data.packing import encode_png
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.runtime.mxnet import mx

IMAGES = {
    "brightness": statistics.pixel((100, 100, 100)),
    "contrast": statistics.two_grays(),
    "saturation": statistics.pixel(),
    "jitter": statistics.pixel(DARK),
    "lighting": statistics.pixel((128, 128, 128)),
}
ITERATOR = {
    "brightness": {"brightness": 0.4},
    "contrast": {"contrast": 0.4},
    "saturation": {"saturation": 0.4},
    "jitter": {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4},
    "lighting": {"pca_noise": 0.1},
}
CROP = ((224, 224), (0.08, 1.0), (3 / 4, 4 / 3))


def main(count: int) -> Draws:
    """By name, as in draw_ours.py: of Gluon, of mx.image for hue and crops, of ImageRecordIter."""
    random.seed(2)
    mx.random.seed(2)
    np.random.seed(2)
    transforms = mx.gluon.data.vision.transforms
    of_gluon = {
        "brightness": transforms.RandomBrightness(0.4),
        "contrast": transforms.RandomContrast(0.4),
        "saturation": transforms.RandomSaturation(0.4),
        "jitter": transforms.RandomColorJitter(0.4, 0.4, 0.4),
        "lighting": transforms.RandomLighting(0.1),
    }
    hue = _apply(mx.image.HueJitterAug(0.1), statistics.pixel(), count)
    flipped = _apply(transforms.RandomFlipLeftRight(), statistics.two_grays(), count)
    gluon = {
        **_colours({name: _apply(step, IMAGES[name], count) for name, step in of_gluon.items()}),
        "hue": np.array([statistics.turn(one) for one in hue]),
        "mirrored": (flipped[:, 0, 0, 0] == 50).astype(float),
        **_crops(count // 4),
    }
    iterator = _colours({name: _iterated(IMAGES[name], count // 4, keys) for name, keys in ITERATOR.items()})
    return {
        **{f"mxnet/{name}": values for name, values in gluon.items()},
        **{f"iterator/{name}": values for name, values in iterator.items()},
    }


def _colours(images: dict[str, NDArray[np.float64]]) -> Draws:
    lighting, contrast = images["lighting"], images["contrast"]
    return {
        "brightness": images["brightness"][:, 0, 0, 0] / 100,
        "contrast": (contrast[:, 0, 0, 0] - contrast[:, 0, 1, 0]) / 100,
        "saturation": statistics.colourfulness(images["saturation"]),
        "jitter": images["jitter"][:, 0, 0, 0],
        **{f"lighting_{name}": lighting[:, 0, 0, i] - 128 for i, name in enumerate(("red", "green", "blue"))},
    }


def _iterated(image: NDArray[np.uint8], count: int, keys: dict[str, float]) -> NDArray[np.float64]:
    """What ImageRecordIter makes of ``count`` copies, each pixel enlarged to 4 x 8."""
    large = np.repeat(np.repeat(image, 8, axis=0), 8 // image.shape[1], axis=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copies.rec"
        with RecordWriter(path) as records:
            for number in range(count):
                records.write(pack_image_record(0, number, encode_png(large)))
        batches = mx.io.ImageRecordIter(
            path_imgrec=str(path),
            data_shape=(3, 8, 8),
            batch_size=count,
            preprocess_threads=1,
            seed_aug=5,
            **keys,
        )
        changed = next(iter(batches)).data[0].asnumpy().transpose(0, 2, 3, 1)[:, ::8, :: 8 // image.shape[1]]
    return np.asarray(np.clip(np.rint(changed), 0, 255).astype(float))


def _apply(step: Any, image: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    """On floats, as MXNet computes, and rounded to the bytes that others compute with."""
    given = mx.nd.array(image, dtype="float32")
    changed = np.array([step(given.copy()).asnumpy() for _ in range(count)]).astype(float)
    return np.asarray(np.clip(np.rint(changed), 0, 255))


def _crops(count: int) -> Draws:
    image, wide = (mx.nd.zeros((*shape, 3), dtype="uint8") for shape in ((HEIGHT, WIDTH), PANORAMA))
    boxes = [mx.image.random_size_crop(image, *CROP)[1] for _ in range(count)]
    area, ratio, place = np.array([statistics.crop(y, x, high, long) for x, y, long, high in boxes]).T
    wide_boxes = [mx.image.random_size_crop(wide, *CROP)[1] for _ in range(count)]
    panorama = np.array([high * long for _, _, long, high in wide_boxes]) / (PANORAMA[0] * PANORAMA[1])
    return {"crop_area": area, "crop_ratio": ratio, "crop_place": place, "panorama_area": panorama}


if __name__ == "__main__":
    statistics.save(main(statistics.count()))
