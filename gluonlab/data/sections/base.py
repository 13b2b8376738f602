"""The keys that all data sets share: what their images are, and what is done to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.section import Section

if TYPE_CHECKING:
    from gluonlab.data.source import Source

Augmentation = Literal["none", "shift", "shift_flip", "crop_flip", "resized_crop_flip"]
Split = Literal["train", "val"]


class DataSection(Section):
    """The training and validation sets."""

    places: ClassVar[tuple[str, ...]] = ()
    """The keys that say where its files lie, which may be elsewhere on another machine."""
    settings: ClassVar[tuple[str, ...]] = ("train_samples", "val_samples", "threads")
    """The other keys that do not decide what is trained on."""

    name: str
    classes: int = Field(ge=2, description="Number of classes; labels are 0 to classes - 1.")
    image_size: int = Field(ge=1, le=4096, description="Side of the square input of the network, in pixels.")
    val_image_size: Optional[int] = Field(
        None, ge=1, le=4096, description="The same in validation, if it differs."
    )
    channels: Literal[1, 3] = Field(3, description="Channels of the input: 1 (gray) or 3 (RGB).")
    augment: Augmentation = Field(
        "none",
        description="Training augmentation: `shift` pads by `pad` and crops, `shift_flip` also mirrors half "
        "of the images, `crop_flip` crops the image resized as in validation (Krizhevsky et al. 2012), "
        "`resized_crop_flip` is the Inception crop (Szegedy et al. 2015), both with mirroring.",
    )
    pad: int = Field(4, ge=0, le=64, description="Padding of `shift` and `shift_flip`, in pixels.")
    pad_mode: Literal["zeros", "reflect"] = Field(
        "zeros", description="What it shows: black, or the image reflected at its border."
    )
    flip: Literal["random", "alternating"] = Field(
        "random",
        description="Mirror half of the images by chance, or each one every other epoch (Jordan 2024).",
    )
    min_area: float = Field(
        0.08, gt=0, le=1, description="Smallest area of the Inception crop, as a fraction."
    )
    augment_repeats: int = Field(
        1,
        ge=1,
        le=64,
        description="Copies of each sample in a batch, each augmented in its own way (repeated augmentation, "
        "Hoffer et al. 2020); an epoch keeps its length, so it shows fewer samples.",
    )
    brightness: float = Field(
        0.0, ge=0, le=10, description="Factors on brightness, drawn from 1 - b to 1 + b for training."
    )
    contrast: float = Field(0.0, ge=0, le=10, description="Likewise, on the distance to the mean gray.")
    saturation: float = Field(0.0, ge=0, le=10, description="Likewise, on the distance to a pixel's gray.")
    hue: float = Field(
        0.0, ge=0, le=0.5, description="Turns of the colour circle, drawn from -h to h, as a part of it."
    )
    lighting: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Standard deviation of the weights of ImageNet's principal colour components that are "
        "added (Krizhevsky et al. 2012: 0.1), MXNet's pca_noise.",
    )
    rand_augment: int = Field(
        0, ge=0, le=14, description="Operations of RandAugment (Cubuk et al. 2020) on each training image."
    )
    rand_augment_magnitude: float = Field(9.0, ge=0, le=30, description="Their strength, 0 to 30.")
    rand_augment_policy: Literal["paper", "timm"] = Field(
        "paper",
        description="`paper`: the fourteen operations of Cubuk et al. 2020, as in torchvision; `timm`: its "
        "fifteen 'increasing' ones, each carried out with probability 0.5.",
    )
    rand_augment_spread: float = Field(
        0.0,
        ge=0,
        le=30,
        description="Standard deviation of the strength from operation to operation (timm's mstd times 3).",
    )
    erasing: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Part of the training images of which a rectangle is covered with the mean "
        "(Zhong et al. 2017).",
    )
    resize: Optional[int] = Field(
        None,
        ge=1,
        description="Validation: shorter side before the centre crop, in pixels; default val_image_size.",
    )
    interpolation: Literal["fast", "bilinear", "bicubic"] = Field(
        "fast",
        description="How validation resizes: `fast` reads and resizes no more than the crop; `bilinear` and "
        "`bicubic` resize the whole image with antialiasing, pixel for pixel as torchvision and timm.",
    )
    mean: list[float] = Field(
        [123.675, 116.28, 103.53], description="Mean of each channel, in 0 to 255, subtracted on the device."
    )
    std: list[float] = Field(
        [58.395, 57.12, 57.375], description="Standard deviation of each channel, in 0 to 255, divided by."
    )
    train_samples: Optional[int] = Field(
        None,
        ge=1,
        description="Images in `train`: for a plan without the files, and checked against them.",
    )
    val_samples: Optional[int] = Field(None, ge=1, description="Images in `val`, likewise.")
    threads: int = Field(2, ge=1, le=256, description="Decoding threads per process.")

    def source(self, split: Split, class_names: Sequence[str] = ()) -> Optional[Source]:
        """A split, its classes numbered as ``class_names`` where they are given; None: nothing is read.

        Raises:
            DataError: a file is missing or damaged, or has a class that is none of ``class_names``.
        """
        raise NotImplementedError

    def known_samples(self, split: Split) -> Optional[int]:
        """Images of a split, as far as the recipe tells; None where its files must be opened."""
        return self.train_samples if split == "train" else self.val_samples

    @property
    def val_size(self) -> int:
        """Side of the network's input in validation."""
        return self.val_image_size or self.image_size

    def _problems(self) -> Iterator[str]:
        steps = (self.rand_augment, self.brightness, self.contrast, self.saturation, self.hue, self.lighting)
        if self.augment_repeats > 1 and self.augment == "none" and not any((*steps, self.erasing)):
            yield "augment_repeats without an augmentation would repeat the same image; set augment"
        is_shifted = self.augment in ("shift", "shift_flip")
        if self.pad_mode == "reflect" and not (is_shifted and self.pad < self.image_size):
            yield "pad_mode reflect is for augment shift and shift_flip, and a pad smaller than the image"
        if self.flip == "alternating" and not self.augment.endswith("flip"):
            yield f"flip alternating is for an augment that mirrors, and {self.augment} does not"
        if self.pad > self.image_size:
            yield f"pad {self.pad} is larger than image_size {self.image_size}"
        if self.channels == 1 and (self.saturation or self.hue or self.lighting):
            yield "saturation, hue and lighting need channels=3"
        if self.resize is not None and self.resize < self.val_size:
            yield f"resize {self.resize} is smaller than image_size {self.val_size} of validation"
        if not len(self.mean) == len(self.std) == self.channels:
            yield f"mean and std need {self.channels} value(s), one for each channel"
        if any(value <= 0 for value in self.std):
            yield "std must be positive"
