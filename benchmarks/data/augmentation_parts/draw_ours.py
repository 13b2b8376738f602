"""Draws from gluonlab's augmentations: python draw_ours.py FILE COUNT."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data.augmentation_parts import draw_statistics as statistics
from benchmarks.data.augmentation_parts.draw_statistics import DARK, HEIGHT, PANORAMA, WIDTH, Draws
from gluonlab.data.augment.colour import ColourJitter, Lighting
from gluonlab.data.augment.placement import RandomErasing, ShiftCrop
from gluonlab.data.augment.rand_augment import RandAugment, operations
from gluonlab.data.augment.views import InceptionCrop
from gluonlab.data.mixing import Mixing
from gluonlab.data.randomness import uniforms
from gluonlab.runtime.mxnet import nd

MEAN = (123.675, 116.28, 103.53)
GRAY = (128, 128, 128)


def main(count: int) -> Draws:
    """Everything that the other sides draw, under the same names."""
    pixel, grays = statistics.pixel(), statistics.two_grays()
    brightness = _apply(ColourJitter(brightness=0.4), statistics.pixel((100, 100, 100)), count)
    contrast = _apply(ColourJitter(contrast=0.4), grays, count)
    saturation = _apply(ColourJitter(saturation=0.4), pixel, count)
    jitter = _apply(ColourJitter(0.4, 0.4, 0.4), statistics.pixel(DARK), count)
    lighting = _apply(Lighting(0.1), statistics.pixel(GRAY), count)
    return {
        "brightness": brightness[:, 0, 0, 0] / 100,
        "contrast": (contrast[:, 0, 0, 0] - contrast[:, 0, 1, 0]) / 100,
        "saturation": statistics.colourfulness(saturation),
        "jitter": jitter[:, 0, 0, 0],
        "hue": np.array([statistics.turn(one) for one in _apply(ColourJitter(hue=0.1), pixel, count)]),
        **{f"lighting_{name}": lighting[:, 0, 0, i] - 128 for i, name in enumerate(("red", "green", "blue"))},
        **_crops(count),
        **_placements(count // 4),
        "mixing": _larger_shares(count // 4),
        **_rand_augment(count // 4),
    }


def _apply(step: Any, image: NDArray[np.uint8], count: int) -> NDArray[np.float64]:
    return np.array([step(image.copy(), draws) for draws in _numbers(step, count)]).astype(float)


def _numbers(step: Any, count: int) -> NDArray[np.float64]:
    return uniforms(1, np.zeros(count, np.int64), np.arange(count), step.num_draws)


def _crops(count: int) -> Draws:
    step = InceptionCrop(224)
    views = [step(HEIGHT, WIDTH, draws) for draws in _numbers(step, count)]
    wide = [step(*PANORAMA, draws) for draws in _numbers(step, count)]
    area, ratio, place = np.array([statistics.crop(*view[:4]) for view in views]).T
    return {
        "crop_area": area,
        "crop_ratio": ratio,
        "crop_place": place,
        "mirrored": np.array([float(view.is_mirrored) for view in views]),
        "panorama_area": np.array([view.height * view.width for view in wide]) / (PANORAMA[0] * PANORAMA[1]),
    }


def _placements(count: int) -> Draws:
    rows = np.repeat(np.arange(1, 33, dtype=np.uint8), 32).reshape(32, 32, 1)
    tops = [int(image[16, 16, 0]) - 17 for image in _shifted(ShiftCrop(4, flip=False), rows, count)]
    white = np.full((64, 64, 1), 255, np.uint8)
    erased = [image[:, :, 0] == 0 for image in _shifted(RandomErasing(1.0, (0.0,)), white, count)]
    area, ratio = np.array([statistics.covered(one) for one in erased]).T
    return {"shift": np.array(tops), "erased_area": area, "erased_ratio": ratio}


def _larger_shares(count: int) -> NDArray[np.float64]:
    """The share of the larger image of mixup 0.1 and CutMix 1.0 in turn, as ResNet strikes back has them."""
    mixing, random = Mixing(0.1, 1.0), np.random.RandomState(4)
    images, labels = nd.zeros((2, 1, 224, 224)), nd.array([0, 1])
    return np.array([float(mixing(images, labels, random)[3][0].asscalar()) for _ in range(count)])


def _shifted(step: Any, image: NDArray[np.uint8], count: int) -> list[NDArray[np.uint8]]:
    return [step(image.copy(), draws) for draws in _numbers(step, count)]


def _rand_augment(count: int) -> Draws:
    image = statistics.picture()
    paper = RandAugment(2, 9, MEAN)
    timm = RandAugment(2, 21, MEAN, "timm", 1.5)
    draws: Draws = {
        "rand_paper": np.array([statistics.change(one) for one in _shifted(paper, image, count)]),
        "rand_timm": np.array([statistics.change(one) for one in _shifted(timm, image, count)]),
    }
    for step in (paper, timm):
        for name, operation in operations(step.policy, MEAN).items():
            strength = step.magnitude / 30
            draws[f"operation_{step.policy}_{name}"] = np.array(
                [operation(image, strength, sign) for sign in (-1.0, 1.0)]
            )
    return draws


if __name__ == "__main__":
    statistics.save(main(statistics.count()))
