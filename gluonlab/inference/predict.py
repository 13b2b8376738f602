"""Logits to the most likely classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities (N, classes), in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def top_classes(
    logits: NDArray[np.float32], count: int, class_names: Sequence[str]
) -> list[list[dict[str, Any]]]:
    """For each image its ``count`` likeliest classes: ``class``, ``name`` and ``probability``.

    Without ``class_names`` a name is the number of its class. Of equal ones the lower number comes first.
    """
    probabilities = softmax(logits)
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :count]
    return [
        [
            {
                "class": int(index),
                "name": class_names[index] if index < len(class_names) else str(index),
                "probability": float(row[index]),
            }
            for index in best
        ]
        for row, best in zip(probabilities, order)
    ]


def are_right(logits: NDArray[np.float32], labels: Sequence[int]) -> list[bool]:
    """For each image whether its likeliest class is its label.

    Among equal logits the label ranks last, as in `gluonlab.metrics`. A label without a logit is never right.
    """
    classes = logits.shape[1]
    return [
        bool(label < classes and (np.delete(row, label) < row[label]).all())
        for row, label in zip(logits, labels)
    ]
