"""Data sets that are known by their name: themselves, and their sizes, so that plans need not open them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Optional

from pydantic import Field

from gluonlab.data import DATA_SETS
from gluonlab.data.published import Publication, Sizes
from gluonlab.data.sections.base import DataSection, Split
from gluonlab.section import OneOf

if TYPE_CHECKING:
    from gluonlab.data.source import Source


class PublishedSection(DataSection):
    """A data set that is the same everywhere."""

    sizes: ClassVar[Sizes]
    recipe: ClassVar[Optional[str]] = None
    """Gluonlab's own recipe for it."""
    publication: ClassVar[Optional[Publication]] = None
    """Where its files can be fetched; None where they ship with gluonlab."""

    @classmethod
    def load(cls, path: Optional[str], split: Split) -> Source:
        """A split, from the folder or archive ``path`` where it does not ship with gluonlab."""
        raise NotImplementedError

    def source(self, split: Split, class_names: Sequence[str] = ()) -> Source:
        """A split; its classes have numbers of their own, which are always the same."""
        return self.load(None, split)

    def known_samples(self, split: Split) -> int:
        """What the recipe says, which is compared with the files, or what is published."""
        return super().known_samples(split) or self.sizes._asdict()[split]


class FetchedSection(PublishedSection):
    """One whose files are fetched first."""

    places: ClassVar[tuple[str, ...]] = ("path",)
    publication: ClassVar[Publication]

    path: str = Field(
        min_length=1, description="Its folder or archive, such as `gluonlab data fetch` leaves it."
    )

    def source(self, split: Split, class_names: Sequence[str] = ()) -> Source:
        """A split, from its folder or archive."""
        return self.load(self.path, split)


def published_sets() -> dict[str, type[PublishedSection]]:
    """The registered data sets that are known by their name."""
    sections = OneOf(DATA_SETS).sections
    return {name: each for name, each in sections.items() if issubclass(each, PublishedSection)}
