"""Augmentation on the host: which part of an image is looked at, then what is done with its pixels.

Everything here takes uniform numbers in [0, 1), as many as its ``num_draws`` says, and has no other source
of randomness. So an image is a function of (seed, epoch, sample), whichever thread or process makes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Protocol

import numpy as np
from numpy.typing import NDArray

from gluonlab.data.augment.views import Framing, Image, Shape, View
from gluonlab.data.randomness import uniforms


class Step(Protocol):
    """Pixels to pixels of the same shape: (height, width, channels) uint8."""

    @property
    def num_draws(self) -> int:
        """How many uniform numbers a call uses."""

    def __call__(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """``image`` changed by the numbers ``draws``, shape (num_draws,); may write into ``image``."""


@dataclass(frozen=True)
class Augmentation:
    """A view of (size, size, channels) through ``framing``, then ``steps`` in their order.

    ``alternating`` is the place of the number that mirrors an image below a half, where it is to be mirrored
    every other epoch.
    """

    framing: Framing
    channels: int
    steps: tuple[Step, ...] = ()
    alternating: Optional[int] = None

    @property
    def num_draws(self) -> int:
        """Numbers for one image: those of the framing first, so that steps never change what it shows."""
        return self.framing.num_draws + sum(step.num_draws for step in self.steps)

    @property
    def shape(self) -> Shape:
        """The shape of an augmented image: (height, width, channels)."""
        return self.framing.size, self.framing.size, self.channels

    def draws(self, seed: int, epochs: NDArray[np.int64], indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """The numbers of each sample in its epoch: (n, num_draws)."""
        numbers = uniforms(seed, epochs, indices, self.num_draws)
        if self.alternating is not None:
            # One number for each sample, half a turn further in each epoch.
            first = uniforms(seed, np.zeros_like(epochs), indices, self.num_draws)[:, self.alternating]
            numbers[:, self.alternating] = (first + epochs % 2 / 2) % 1
        return numbers

    def view(self, height: int, width: int, draws: NDArray[np.float64]) -> View:
        """What to look at in an image of ``height`` x ``width``."""
        return self.framing(height, width, draws[: self.framing.num_draws])

    def change(self, image: Image, draws: NDArray[np.float64]) -> Image:
        """Apply all steps to ``image``, in order."""
        first = self.framing.num_draws
        for step in self.steps:
            image = step(image, draws[first : first + step.num_draws])
            first += step.num_draws
        return image
