"""Whether an exported network computes what the network computes: the largest difference of logits."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment import Augmentation
from gluonlab.data.digits import load_digits
from gluonlab.data.source import ArraySource
from gluonlab.errors import CheckpointError
from gluonlab.inference.engines import Engine, in_mxnet, in_onnxruntime, make_engine
from gluonlab.inference.images import ImageFiles, find_images, read_batch
from gluonlab.models import create
from gluonlab.runtime.mxnet import gluon
from gluonlab.weights.exporting import Format
from gluonlab.weights.onnx_export.model import INPUT

LARGEST_DIFFERENCE = 1e-4
"""Of two logits, relative to the largest logit."""
IMAGES = 32


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


def check_export(
    net: gluon.HybridBlock, form: Format, files: Sequence[Path], model: str, images: NDArray[np.float32]
) -> dict[str, Any]:
    """Run what was written to ``files`` on ``images``, and compare with ``net``.

    Raises:
        CheckpointError: CKP47 if a logit differs by more than 1e-4 of the largest one.
    """
    expected = make_engine(net, "mxnet", images.shape[1:])(images)
    found = _read_back(form, files, model, expected.shape[1])(images)
    difference, largest = float(np.abs(found - expected).max()), float(np.abs(expected).max())
    report = {
        "images": len(images),
        "largest_difference": difference,
        "largest_logit": largest,
        "relative_difference": difference / largest if largest else difference,
        "same_class": float((found.argmax(1) == expected.argmax(1)).mean()),
    }
    if not report["relative_difference"] <= LARGEST_DIFFERENCE:
        raise CheckpointError(
            "CKP47", str(files[0]), f"logits differ by {difference:.3g}, the largest is {largest:.3g}"
        )
    return report


def _read_back(form: Format, files: Sequence[Path], model: str, classes: int) -> Engine:
    if form == "onnx":
        return in_onnxruntime(files[0].read_bytes())
    if form == "torch":
        return in_mxnet(create(model, classes=classes, pretrained=files[0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MXNet wants to be told the type of the images
        return in_mxnet(gluon.SymbolBlock.imports(str(files[0]), [INPUT], str(files[1])))
