"""Some images of the validation set, beside what a checkpoint takes them for."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from gluonlab.build.data import open_split
from gluonlab.build.opened_model import open_model
from gluonlab.build.run_directory import find_checkpoint, load_run_config
from gluonlab.errors import DataError
from gluonlab.inference.images import read_batch
from gluonlab.inference.predict import top_classes
from gluonlab.runtime.mxnet import nd

THUMBNAIL_PIXELS = 96


def predicted_samples(target: Path, count: int) -> list[dict[str, Any]]:
    """``count`` images, evenly spread: where each lies, its class, the likeliest ones, a PNG in base64.

    Raises:
        DataError: DAT01 if the run was trained on synthetic data, which has no images.
        GluonlabError: there is no checkpoint, or its data cannot be read.
    """
    checkpoint = find_checkpoint(target.resolve())
    config = load_run_config(checkpoint.path.parent.parent)
    model = open_model(checkpoint.path)
    source = open_split(config.data, "val", model.class_names)
    if source is None:
        raise DataError("DAT01", "synthetic data", "there are no images to show")
    places = [int(place) for place in np.linspace(0, len(source) - 1, min(count, len(source)))]
    batch = read_batch(source, model.augmentation(), *model.normalisation, places)
    logits = model.net(nd.array(batch)).asnumpy()
    names, labels = model.class_names, source.labels[places].tolist()
    return [
        {
            "where": source.where(place),
            "label": names[label] if names else str(label),
            "classes": classes,
            "png": _thumbnail(source.image(place)),
        }
        for place, label, classes in zip(places, labels, top_classes(logits, 3, names))
    ]


def _thumbnail(image: NDArray[np.uint8]) -> str:
    scale = min(1.0, THUMBNAIL_PIXELS / max(image.shape[:2]))
    size = (max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0])))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    coloured = small if small.ndim == 2 else small[..., ::-1]  # OpenCV's order is blue first
    return base64.b64encode(cv2.imencode(".png", coloured)[1].tobytes()).decode()
