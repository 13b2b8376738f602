"""Weights that depend on their names and shapes only, so that PyTorch and gluonlab can draw the same ones."""

import hashlib
import zlib
from math import prod

import numpy as np


def draw(name, shape):
    """The values of the tensor called ``name``: random, and such that activations keep their size."""
    random = np.random.RandomState(zlib.crc32(name.encode()))
    kind = name.rpartition(".")[2]
    if kind == "num_batches_tracked":
        return np.array(0)
    if kind == "running_var":
        values = random.uniform(0.5, 2, shape)
    elif len(shape) == 1:
        low, high = (0.5, 1.5) if kind == "weight" else (-0.3, 0.3)
        values = random.uniform(low, high, shape)
    else:
        values = random.standard_normal(shape) * (1 / prod(shape[1:])) ** 0.5
    return values.astype("float32")


def draw_images(size):
    """Two images (2, 3, size, size)."""
    return np.random.RandomState(size).standard_normal((2, 3, size, size)).astype("float32")


def digest(shapes):
    """SHA-256 of names and shapes, ``shapes`` by name."""
    lines = sorted(f"{name} {list(shape)}\n" for name, shape in shapes.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def excerpt(logits):
    """Fifty logits of two images (2, 1000), and the largest of all by magnitude."""
    return logits[:, ::40].ravel(), float(np.abs(logits).max())
