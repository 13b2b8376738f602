"""What is known of a network that is ready for images, however it is computed."""

from __future__ import annotations

from dataclasses import dataclass

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.antialiased import AntialiasedCrop
from gluonlab.data.augment.views import CentreCrop
from gluonlab.models.entry import Preprocessing


@dataclass(frozen=True)
class ImageModel:
    """What the images and the classes of a network are.

    ``name`` is that of the registry where it has one; ``class_names`` are in the order of the logits, or
    empty where they are not known.
    """

    name: str
    channels: int
    preprocessing: Preprocessing
    class_names: tuple[str, ...]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return (self.channels, self.preprocessing.crop, self.preprocessing.crop)

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and standard deviation of each channel, in 0 to 255."""
        return self.preprocessing.mean, self.preprocessing.std

    def augmentation(self) -> Augmentation:
        """The scaling and cropping that the network's images go through."""
        size, kind = self.preprocessing.crop, self.preprocessing.interpolation
        resize_to = self.preprocessing.resize or size
        framing = CentreCrop(size, resize_to)
        if kind != "fast":
            framing = AntialiasedCrop(size, resize_to, interpolation=kind)
        return Augmentation(framing, self.channels)
