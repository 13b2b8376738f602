"""The handwritten digits that ship with gluonlab (``digits.md`` says where they come from)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gluonlab.data.source import ArraySource

DIGITS = tuple("0123456789")
VALIDATION_EVERY = 5


def load_digits(split: str) -> ArraySource:
    """``split`` "train" (1,437 images) or "val" (every fifth, 360): (N, 8, 8, 1) uint8, values 0 to 240."""
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as arrays:
        images, labels = arrays["images"], arrays["labels"]
    is_val = np.arange(len(labels)) % VALIDATION_EVERY == 0
    chosen = is_val if split == "val" else ~is_val
    return ArraySource(images[chosen][..., None], labels[chosen], f"digits {split}", DIGITS)
