"""Batches that cost nothing to make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from gluonlab.data.sections.base import DataSection, Split


class SyntheticSection(DataSection):
    """One random batch on the device, for measurements."""

    name: Literal["synthetic"] = "synthetic"
    samples: int = Field(1280, ge=1, description="Size of an epoch, and of validation, in images.")

    def source(self, split: Split, class_names: Sequence[str] = ()) -> None:
        """None: batches are made, not read."""

    def known_samples(self, split: Split) -> int:
        """The size of an epoch that the recipe states."""
        return self.samples
