"""The sections of a recipe that say what is trained on what: data and model.

Every key has a type, a range and a description with its unit; unknown keys are refused. The field
descriptions are the reference in ``docs/configuration.md``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Optional, Union

from pydantic import Field

from gluonlab.section import Section

Augmentation = Literal["none", "shift", "shift_flip", "crop_flip", "resized_crop_flip"]


class About(Section):
    """Where the recipe comes from and what it should reach."""

    paper: str = Field("", description="Authors and year.")
    source: str = Field("", description="Where the values were taken from.")
    expects: dict[str, float] = Field(
        default_factory=dict, description="Results it should reach, top1 as a fraction."
    )
    hardware: str = Field("", description="What the source ran it on, and for how long.")
    not_published: str = Field(
        "", description="Values the source does not give, and what stands in for them."
    )
    notes: str = Field("", description="Anything else a reader should know.")


WITH_FILES = ("record", "folder", "npz")
WITH_PATH = ("cifar10", "cifar100", "mnist", "fashion_mnist")


class Data(Section):
    """The training and validation sets."""

    name: Literal[
        "digits",
        "cifar10",
        "cifar100",
        "mnist",
        "fashion_mnist",
        "record",
        "folder",
        "npz",
        "synthetic",
    ] = Field(description="Kind of data set; `npz` is a file of NumPy arrays `images` and `labels`.")
    path: Optional[str] = Field(
        None, description="Folder or archive of cifar10, cifar100, mnist, fashion_mnist."
    )
    train: Optional[Union[str, list[str]]] = Field(
        None,
        description="Training file of `record` or `npz`, or folder of `folder`. Of `record` also a list of "
        "files, a folder of them, or a pattern such as `shards/train-*.rec`.",
    )
    val: Optional[Union[str, list[str]]] = Field(None, description="That of validation, likewise.")
    classes: int = Field(ge=2, description="Number of classes; labels are 0 to classes - 1.")
    image_size: int = Field(ge=1, le=4096, description="Side of the square input of the network, in pixels.")
    val_image_size: Optional[int] = Field(
        None, ge=1, le=4096, description="That in validation, where it differs from image_size."
    )
    channels: Literal[1, 3] = Field(3, description="Channels of the input: 1 (gray) or 3 (RGB).")
    augment: Augmentation = Field(
        "none",
        description="Training augmentation: `shift` pads by `pad` and crops, `shift_flip` also mirrors half "
        "of the images, `crop_flip` crops the image resized as in validation (Krizhevsky et al. 2012), "
        "`resized_crop_flip` is the Inception crop (Szegedy et al. 2015), both with mirroring.",
    )
    pad: int = Field(4, ge=0, le=64, description="Padding of `shift` and `shift_flip`, in pixels.")
    min_area: float = Field(
        0.08, gt=0, le=1, description="Smallest area of the Inception crop, as a fraction."
    )
    augment_repeats: int = Field(
        1,
        ge=1,
        le=64,
        description="Copies of each sample in a batch, each augmented in its own way (repeated augmentation, "
        "Hoffer et al. 2020); an epoch is as long as ever, so it shows one sample of so many.",
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
    mean: list[float] = Field(
        [123.675, 116.28, 103.53], description="Mean of each channel, in 0 to 255, subtracted on the device."
    )
    std: list[float] = Field(
        [58.395, 57.12, 57.375], description="Standard deviation of each channel, in 0 to 255, divided by."
    )
    samples: int = Field(1280, ge=1, description="Size of a `synthetic` epoch, in images.")
    train_samples: Optional[int] = Field(
        None,
        ge=1,
        description="Images in `train`: for plans where the files are not at hand, checked when they are.",
    )
    val_samples: Optional[int] = Field(None, ge=1, description="Images in `val`, likewise.")
    bad_records: Literal["error", "skip"] = Field(
        "error",
        description="Records that do not decode or whose label is no class: `error`, or `skip` to leave them "
        "out and list them in a file beside the data.",
    )
    max_bad_fraction: float = Field(
        0.001, ge=0, lt=1, description="Largest part of the records that `skip` leaves out."
    )
    max_pixels: int = Field(
        40_000_000,
        ge=1,
        le=2**30,
        description="Largest image of a file or record, in pixels: larger ones are bad, and never decoded.",
    )
    max_bytes: int = Field(
        100_000_000, ge=1, le=2**29, description="Largest record or image file, in bytes, likewise."
    )
    threads: int = Field(2, ge=1, le=256, description="Decoding threads per process.")

    @property
    def val_size(self) -> int:
        """Side of the network's input in validation."""
        return self.val_image_size or self.image_size

    def _problems(self) -> Iterator[str]:
        if self.name in WITH_FILES and not (self.train and self.val):
            yield f"data set {self.name!r} needs data.train and data.val"
        if self.name in WITH_PATH and not self.path:
            yield f"data set {self.name!r} needs data.path, its folder or archive"
        for key in ("train", "val"):
            if getattr(self, key) and self.name not in WITH_FILES:
                yield f"data.{key} is not used by {self.name!r}; set data.name=record too"
            if isinstance(getattr(self, key), list) and self.name != "record":
                yield f"data.{key} is a list, which only data.name=record reads"
        if self.path and self.name not in WITH_PATH:
            yield f"data.path is not used by {self.name!r}"
        steps = (self.rand_augment, self.brightness, self.contrast, self.saturation, self.hue, self.lighting)
        if self.augment_repeats > 1 and self.augment == "none" and not any((*steps, self.erasing)):
            yield "augment_repeats without an augmentation would repeat the same image; set augment"
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


class Model(Section):
    """The network."""

    name: str = Field(description="A name that `gluonlab models list` shows.")
    zero_last_gamma: bool = Field(
        False, description="Start each residual branch at zero (Goyal et al. 2017, section 5.1)."
    )
    bn_momentum: Optional[float] = Field(
        None,
        ge=0,
        lt=1,
        description="Weight of the past in BatchNorm's running statistics; default the model's own.",
    )
    dropout: Optional[float] = Field(
        None,
        ge=0,
        lt=1,
        description="Share of the features that training leaves out in front of the classifier; default the "
        "model's own.",
    )
    stochastic_depth: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Probability to leave out the last residual branch; that of the others rises to it in "
        "equal steps (Huang et al. 2016).",
    )
    pretrained: Optional[str] = Field(
        None,
        description="Weights to start from: a file of torchvision, timm, GluonCV or Gluon, a model folder, a "
        "checkpoint, or `store:NAME`.",
    )
    pretrained_weights: Optional[Literal["raw", "average"]] = Field(
        None,
        description="Which to take where `pretrained` holds weights and their average; default the average.",
    )
    new_head: bool = Field(
        False, description="The classifier starts anew if that of `pretrained` is for other classes."
    )
    freeze: Literal["none", "features"] = Field(
        "none",
        description="`features`: only the classifier is trained; BatchNorm keeps its running statistics.",
    )

    def _problems(self) -> Iterator[str]:
        for key in ("pretrained_weights", "new_head", "freeze"):
            if self.pretrained is None and getattr(self, key) != type(self).model_fields[key].default:
                yield f"{key} needs pretrained, the weights to start from"
