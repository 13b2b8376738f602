"""Names of the 1,000 classes of ImageNet (ILSVRC 2012), in the order of torchvision's logits."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=1)
def imagenet_classes() -> tuple[str, ...]:
    """The names: each is one of the words of its WordNet synset."""
    return tuple(Path(__file__).with_name("imagenet_classes.txt").read_text("utf-8").splitlines())
