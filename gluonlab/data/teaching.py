"""What a trained network says of the images of each batch, beside the labels."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from gluonlab.data.loader import Batch, Loader
from gluonlab.data.sampler import Request


@dataclass(frozen=True)
class Teacher:
    """``predict`` makes logits (n, classes) of images as batches have them; ``facts`` say what it is."""

    predict: Callable[[Any], Any]
    facts: dict[str, str]

    def __str__(self) -> str:
        return f"{self.facts['model']} with weights {self.facts['weights_sha256'][:12]}"


class TeachingLoader:
    """The batches of ``loader``, with the ``teacher``'s logits for their images at the end."""

    def __init__(self, loader: Loader, teacher: Teacher) -> None:
        self._loader, self._teacher = loader, teacher

    def batches(self, requests: Iterable[Request]) -> Generator[Batch, None, None]:
        """One batch for each request, in order."""
        inner = self._loader.batches(requests)
        try:
            for batch in inner:
                yield (*batch, self._teacher.predict(batch[0]))
        finally:
            inner.close()

    def statistics(self) -> dict[str, float]:
        """Those of the inner loader."""
        return self._loader.statistics()
