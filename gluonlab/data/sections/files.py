"""Data sets in files of the reader's own: those that are verified first, and plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Union

from pydantic import Field

from gluonlab.data.sections.base import DataSection, Split

if TYPE_CHECKING:
    from gluonlab.data.source import ArraySource, Source
    from gluonlab.data.verification.verify import Kind


class FilesSection(DataSection):
    """A place for each split."""

    places: ClassVar[tuple[str, ...]] = ("train", "val")

    train: Union[str, list[str]]
    val: Union[str, list[str]]

    def place(self, split: Split) -> Union[str, list[str]]:
        """The path or pattern of a split."""
        return self.train if split == "train" else self.val


class NpzSection(FilesSection):
    """Files of NumPy arrays `images` and `labels`."""

    name: Literal["npz"] = "npz"
    train: str = Field(min_length=1, description="Training file.")
    val: str = Field(min_length=1, description="Validation file.")

    def source(self, split: Split, class_names: Sequence[str] = ()) -> ArraySource:
        """The arrays of a split."""
        from gluonlab.data.classes import numbered_by
        from gluonlab.data.npz import load_npz

        return numbered_by(class_names, load_npz(str(self.place(split))))


class VerifiedSection(FilesSection):
    """Image files that are decoded once before they are trained on."""

    settings: ClassVar[tuple[str, ...]] = (*FilesSection.settings, "max_pixels", "max_bytes")
    kind: ClassVar[Kind]

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

    def source(self, split: Split, class_names: Sequence[str] = ()) -> Source:
        """The images of a split, what is bad refused or left out."""
        from gluonlab.data.image_limits import ImageLimits
        from gluonlab.data.packing import usable_cores
        from gluonlab.data.verified_source import open_verified

        fraction = self.max_bad_fraction if self.bad_records == "skip" else None
        limits = ImageLimits(self.max_pixels, self.max_bytes)
        return open_verified(
            self.kind, self._paths(split), self.classes, fraction, usable_cores(), class_names, limits
        )

    def _paths(self, split: Split) -> Iterable[Path]:
        return [Path(str(self.place(split)))]


class FolderSection(VerifiedSection):
    """A folder of images for each class."""

    kind: ClassVar[Kind] = "folder"

    name: Literal["folder"] = "folder"
    train: str = Field(min_length=1, description="Training folder, with a folder for each class.")
    val: str = Field(min_length=1, description="Validation folder, likewise.")


class ShardedSection(VerifiedSection):
    """Files of many images each, here or at addresses."""

    settings: ClassVar[tuple[str, ...]] = (*VerifiedSection.settings, "cache_gigabytes")

    cache_gigabytes: float = Field(
        200.0,
        gt=0,
        le=1e6,
        description="Most that files from addresses (`https`, `s3`, `gs`, `hf`) take in `~/.cache/gluonlab`, "
        "in GB.",
    )

    def _paths(self, split: Split) -> Iterable[Path]:
        from gluonlab.data.remote.addresses import addresses_in
        from gluonlab.data.remote.split import remote_split

        where, other = self.place(split), self.place("val" if split == "train" else "train")
        if not addresses_in(where):
            return self._local_paths(split)
        return remote_split(self.kind, where, other, round(1e9 * self.cache_gigabytes))

    def _local_paths(self, split: Split) -> list[Path]:
        raise NotImplementedError

    def _problems(self) -> Iterator[str]:
        from gluonlab.data.remote.addresses import addresses_in, has_password

        for split in ("train", "val"):
            where = self.train if split == "train" else self.val
            found = addresses_in(where)
            if found and not isinstance(where, str) and len(found) != len(where):
                yield f"{split} has addresses and paths; all are the one or the other"
            if any(map(has_password, found)):
                yield f"{split} holds a password, which would be written to config.json"
        yield from super()._problems()


class RecordSection(ShardedSection):
    """MXNet's record files."""

    kind: ClassVar[Kind] = "record"

    name: Literal["record"] = "record"
    train: Union[str, list[str]] = Field(
        min_length=1,
        description="Training file, a list of files, a folder of them, or a pattern such as "
        "`shards/train-*.rec`.",
    )
    val: Union[str, list[str]] = Field(min_length=1, description="Those of validation, likewise.")

    def _local_paths(self, split: Split) -> list[Path]:
        from gluonlab.data.record_files import record_files

        return record_files(self.place(split))
