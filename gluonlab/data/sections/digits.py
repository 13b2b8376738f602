"""The handwritten digits that ship with gluonlab."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from gluonlab.data.published import Sizes
from gluonlab.data.sections.base import Split
from gluonlab.data.sections.published import PublishedSection

if TYPE_CHECKING:
    from gluonlab.data.source import ArraySource


class DigitsSection(PublishedSection):
    """The 1,797 handwritten digits that ship with gluonlab."""

    sizes: ClassVar[Sizes] = Sizes(1_437, 360)
    recipe: ClassVar[Optional[str]] = "recipe:digits"

    name: Literal["digits"] = "digits"

    @classmethod
    def load(cls, path: Optional[str], split: Split) -> ArraySource:
        """Read a split; ``path`` is not needed."""
        from gluonlab.data.digits import load_digits

        return load_digits(split)
