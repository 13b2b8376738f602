"""Draws from torchvision and timm, in a Python that has both: python draw_torch.py FILE COUNT."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import PIL
import timm
import torch
import torchvision
import torchvision.transforms as tv
from numpy.typing import NDArray
from PIL import Image
from timm.data.auto_augment import AugmentOp, rand_augment_transform
from timm.data.mixup import Mixup
from timm.data.random_erasing import RandomErasing
from torchvision.transforms import InterpolationMode
from torchvision.transforms import autoaugment as torchvision_autoaugment

from benchmarks.data.augmentation_parts import draw_statistics as statistics
from benchmarks.data.augmentation_parts.draw_statistics import DARK, HEIGHT, PANORAMA, WIDTH, Draws

MEAN = (124, 116, 104)
RATIOS = [3 / 4, 4 / 3]
PAPER = {
    "Identity": "identity",
    "AutoContrast": "auto_contrast",
    "Equalize": "equalize",
    "Rotate": "rotate",
    "Solarize": "solarize",
    "Color": "saturation",
    "Posterize": "posterize",
    "Contrast": "contrast",
    "Brightness": "brightness",
    "Sharpness": "sharpness",
    "ShearX": "shear_x",
    "ShearY": "shear_y",
    "TranslateX": "shift_x",
    "TranslateY": "shift_y",
}
TIMM = {
    "AutoContrast": "auto_contrast",
    "Equalize": "equalize",
    "Invert": "invert",
    "Rotate": "rotate",
    "PosterizeIncreasing": "posterize",
    "SolarizeIncreasing": "solarize",
    "SolarizeAdd": "solarize_add",
    "ColorIncreasing": "saturation",
    "ContrastIncreasing": "contrast",
    "BrightnessIncreasing": "brightness",
    "SharpnessIncreasing": "sharpness",
    "ShearX": "shear_x",
    "ShearY": "shear_y",
    "TranslateXRel": "shift_x",
    "TranslateYRel": "shift_y",
}


def main(count: int) -> Draws:
    """By name, as in draw_ours.py, with the peer in front."""
    random.seed(3)
    np.random.seed(3)
    torch.manual_seed(3)
    pixel, grays = Image.fromarray(statistics.pixel()), Image.fromarray(statistics.two_grays())
    contrast = _apply(tv.ColorJitter(contrast=0.4), grays, count)
    saturation = _apply(tv.ColorJitter(saturation=0.4), pixel, count)
    dark = Image.fromarray(statistics.pixel(DARK))
    gray = Image.fromarray(statistics.pixel((100, 100, 100)))
    draws = {
        "brightness": _apply(tv.ColorJitter(brightness=0.4), gray, count)[:, 0, 0, 0] / 100,
        "contrast": (contrast[:, 0, 0, 0] - contrast[:, 0, 1, 0]) / 100,
        "saturation": statistics.colourfulness(saturation),
        "jitter": _apply(tv.ColorJitter(0.4, 0.4, 0.4), dark, count)[:, 0, 0, 0],
        "hue": np.array([statistics.turn(one) for one in _apply(tv.ColorJitter(hue=0.1), pixel, count)]),
        "mirrored": (_apply(tv.RandomHorizontalFlip(), grays, count)[:, 0, 0, 0] == 50).astype(float),
        **_crops(count),
        **_placements(count // 4),
    }
    changes = _changes(tv.RandAugment(2, 9, interpolation=InterpolationMode.BILINEAR, fill=list(MEAN)), count)
    as_published = rand_augment_transform("rand-m7-mstd0.5-inc1", {"img_mean": MEAN, "translate_pct": 0.45})
    return {
        **{f"torchvision/{name}": values for name, values in draws.items()},
        "torchvision/rand_paper": changes,
        "timm/rand_timm": _changes(as_published, count),
        "timm/mixing": _larger_shares(count // 4),
        **_erased_by_timm(count // 4),
        **_torchvision_operations(),
        **_timm_operations(),
        "versions": np.array(
            [
                f"torchvision {torchvision.__version__.split('+')[0]}",
                f"timm {timm.__version__}",
                f"Pillow {PIL.__version__}",
            ]
        ),
    }


def _apply(step: Any, image: Image.Image, count: int) -> NDArray[np.float64]:
    return np.array([np.asarray(step(image)) for _ in range(count)]).astype(float)


def _crops(count: int) -> Draws:
    image, wide = torch.zeros(3, HEIGHT, WIDTH), torch.zeros(3, *PANORAMA)
    boxes = [tv.RandomResizedCrop.get_params(image, [0.08, 1.0], RATIOS) for _ in range(count)]
    area, ratio, place = np.array([statistics.crop(*box) for box in boxes]).T
    wide_boxes = [tv.RandomResizedCrop.get_params(wide, [0.08, 1.0], RATIOS) for _ in range(count)]
    panorama = np.array([height * width for *_, height, width in wide_boxes]) / (PANORAMA[0] * PANORAMA[1])
    return {"crop_area": area, "crop_ratio": ratio, "crop_place": place, "panorama_area": panorama}


def _placements(count: int) -> Draws:
    padded = torch.zeros(1, 40, 40)
    tops = [tv.RandomCrop.get_params(padded, (32, 32))[0] - 4 for _ in range(count)]
    erased = [tv.RandomErasing(1.0, value=0)(torch.ones(1, 64, 64))[0].numpy() == 0 for _ in range(count)]
    area, ratio = np.array([statistics.covered(one) for one in erased]).T
    return {"shift": np.array(tops), "erased_area": area, "erased_ratio": ratio}


def _erased_by_timm(count: int) -> Draws:
    step = RandomErasing(1.0, mode="const", device="cpu")
    erased = [step(torch.ones(1, 64, 64))[0].numpy() == 0 for _ in range(count)]
    area, ratio = np.array([statistics.covered(one) for one in erased]).T
    return {"timm/erased_area": area, "timm/erased_ratio": ratio}


def _larger_shares(count: int) -> NDArray[np.float64]:
    mixing = Mixup(mixup_alpha=0.1, cutmix_alpha=1.0, label_smoothing=0.0, num_classes=2)
    images, labels = torch.zeros(2, 1, 224, 224), torch.tensor([0, 1])
    return np.array([float(mixing(images, labels)[1].max()) for _ in range(count)])


def _changes(step: Any, count: int) -> NDArray[np.float64]:
    image = Image.fromarray(statistics.picture())
    return np.array([statistics.change(np.asarray(step(image))) for _ in range(count // 4)])


def _torchvision_operations() -> Draws:
    """Each of its operations at magnitude 9, with both signs."""
    image = Image.fromarray(statistics.picture())
    space = _strengths(31, image.size[::-1])
    outputs = {}
    for name, ours in PAPER.items():
        magnitudes, is_signed = space[name]
        magnitude = float(magnitudes[9]) if magnitudes.ndim else 0.0
        values = (-magnitude, magnitude) if is_signed else (magnitude, magnitude)
        outputs[f"torchvision/operation_paper_{ours}"] = np.array(
            [
                np.asarray(
                    torchvision_autoaugment._apply_op(
                        image, name, value, InterpolationMode.BILINEAR, [float(v) for v in MEAN]
                    )
                )
                for value in values
            ]
        )
    return outputs


def _strengths(bins: int, size: tuple[int, ...]) -> Any:
    """The magnitudes of each operation of torchvision's RandAugment."""
    return torchvision_autoaugment.RandAugment()._augmentation_space(bins, size)


def _timm_operations() -> Draws:
    """Each of its operations at magnitude 7; the sign is drawn, so several times."""
    image = Image.fromarray(statistics.picture())
    settings = {"img_mean": MEAN, "translate_pct": 0.45, "interpolation": Image.Resampling.BILINEAR}
    return {
        f"timm/operation_timm_{ours}": np.array(
            [np.asarray(AugmentOp(name, 1.0, 7, settings)(image)) for _ in range(12)]
        )
        for name, ours in TIMM.items()
    }


if __name__ == "__main__":
    statistics.save(main(statistics.count()))
