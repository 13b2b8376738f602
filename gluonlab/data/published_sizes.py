"""How many images the data sets hold that are known by name: nothing has to be opened to plan with them."""

from __future__ import annotations

from typing import NamedTuple


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
