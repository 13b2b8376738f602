"""Augmentation on the host: which part of an image is looked at, then what is done with its pixels.

Everything here takes uniform numbers in [0, 1), as many as its ``num_draws`` says, and has no other source
of randomness. So an image is a function of (seed, epoch, sample), whichever thread or process makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment.views import Framing, Image, Shape, View


class Step(Protocol):
    """Pixels to pixels of the same shape: (height, width, channels) uint8."""

    @property
    def num_draws(self) -> int:
        """How many uniform numbers a call uses."""

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """``image`` changed by the numbers ``draws``, shape (num_draws,); may write into ``image``."""


@dataclass(frozen=True)
class Augmentation:
    """A view of (size, size, channels) through ``framing``, then ``steps`` in their order."""

    framing: Framing
    channels: int
    steps: tuple[Step, ...] = ()

    @property
    def num_draws(self) -> int:
        """Numbers for one image: those of the framing first, so that steps never change what it shows."""
        return self.framing.num_draws + sum(step.num_draws for step in self.steps)

    @property
    def shape(self) -> Shape:
        """Of what comes out: (height, width, channels)."""
        return self.framing.size, self.framing.size, self.channels

    def view(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """What to look at in an image of ``height`` x ``width``."""
        return self.framing(height, width, draws[: self.framing.num_draws])

    def change(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """``image`` after all steps."""
        first = self.framing.num_draws
        for step in self.steps:
            image = step(image, draws[first : first + step.num_draws])
            first += step.num_draws
        return image
