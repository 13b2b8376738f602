"""The data sets that are known by name: their sizes, so that plans need not open anything, and themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gluonlab.data.source import Source


class Sizes(NamedTuple):
    """Images of training and of validation."""

    train: int
    val: int


PUBLISHED_SIZES = {
    "digits": Sizes(1_437, 360),
    "cifar10": Sizes(50_000, 10_000),
    "cifar100": Sizes(50_000, 10_000),
    "mnist": Sizes(60_000, 10_000),
    "fashion_mnist": Sizes(60_000, 10_000),
}


def load_published(name: str, path: str, split: str) -> Source:
    """A split of one of `PUBLISHED_SIZES`, but for the digits, from the folder or archive ``path``."""
    from gluonlab.data.cifar import load_cifar10, load_cifar100
    from gluonlab.data.mnist import load_fashion_mnist, load_mnist

    loaders = {
        "cifar10": load_cifar10,
        "cifar100": load_cifar100,
        "mnist": load_mnist,
        "fashion_mnist": load_fashion_mnist,
    }
    return loaders[name](path, split)
