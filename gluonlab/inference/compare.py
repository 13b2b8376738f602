"""Two ways to compute a network side by side: the images to try, and the largest difference of logits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment import Augmentation
from gluonlab.data.digits import load_digits
from gluonlab.data.source import ArraySource
from gluonlab.errors import CheckpointError
from gluonlab.inference.images import ImageFiles, find_images, read_batch

LARGEST_DIFFERENCE = 1e-4
"""Of two logits, relative to the largest logit."""
IMAGES = 32
INT8_DIFFERENCE = 0.25
GPU_DIFFERENCE = 1e-2
"""PyTorch lets a GPU round what convolutions read to 10 bits."""


def check_engine(engine: str, found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Refuse an ``engine`` whose logits are not those of the network; raises `CheckpointError` CKP47."""
    hint = "--no-check uses it as it is"
    compare_logits(found, expected, f"engine {engine}", tolerance=tolerance_of(engine), hint=hint)


def tolerance_of(engine: str) -> float:
    """How far logits of ``engine`` may be from those of the network, relative to the largest logit."""
    if engine == "int8":
        return INT8_DIFFERENCE
    if engine == "torch":
        from gluonlab.torch_engine.prediction import device

        return GPU_DIFFERENCE if device() == "cuda" else LARGEST_DIFFERENCE
    return LARGEST_DIFFERENCE


def real_images(
    folders: Sequence[Path], augmentation: Augmentation, mean: Sequence[float], std: Sequence[float]
) -> NDArray[np.float32]:
    """Up to 32 images of ``folders``, evenly chosen, or of the digits that ship: (N, C, H, W)."""
    if not folders:
        digits = load_digits("val")
        images = np.stack([digits.image(index) for index in range(IMAGES)])
        return read_batch(ArraySource(images, digits.labels[:IMAGES]), augmentation, mean, std)
    files = find_images(folders)
    chosen = files[:: max(1, len(files) // IMAGES)][:IMAGES]
    return read_batch(ImageFiles(chosen), augmentation, mean, std)


def compare_logits(
    found: NDArray[np.float32],
    expected: NDArray[np.float32],
    where: str,
    *,
    tolerance: float = LARGEST_DIFFERENCE,
    hint: str = "",
) -> dict[str, Any]:
    """How far ``found``, which ``where`` computed, is from ``expected``, both (images, classes).

    Raises:
        CheckpointError: CKP47 if a logit differs by more than ``tolerance`` times the largest one.
    """
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    report = {
        "images": len(expected),
        "largest_difference": difference,
        "largest_logit": largest,
        "relative_difference": difference / largest if largest else difference,
        "same_class": float((found.argmax(1) == expected.argmax(1)).mean()),
    }
    if not report["relative_difference"] <= tolerance:
        what = f"logits differ by {difference:.3g}, the largest is {largest:.3g}"
        raise CheckpointError("CKP47", where, what, hint)
    return report
