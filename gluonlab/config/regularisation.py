"""The section of a recipe that mixes images, against overfitting."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from gluonlab.section import Section


class Mixing(Section):
    """Each image of a batch is mixed with another of the same virtual worker, and so are their labels.

    Accuracy in training counts the label with the larger share.
    """

    mixup_alpha: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Blend images (mixup, Zhang et al. 2018), by a share from Beta(alpha, alpha); 0: never.",
    )
    cutmix_alpha: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Paste a box of one into the other (CutMix, Yun et al. 2019), likewise; 0: never.",
    )
    probability: float = Field(1.0, gt=0, le=1, description="Share of the batches that are mixed.")
    cutmix_probability: float = Field(
        0.5, ge=0, le=1, description="Share of the mixed batches that are cut, where both are on."
    )

    @property
    def is_on(self) -> bool:
        """Whether any batch is mixed."""
        return self.mixup_alpha > 0 or self.cutmix_alpha > 0

    def _problems(self) -> Iterator[str]:
        if self.probability != 1 and not self.is_on:
            yield "probability is not used without mixup_alpha or cutmix_alpha"
        if self.cutmix_probability != 0.5 and not (self.mixup_alpha and self.cutmix_alpha):
            yield "cutmix_probability is not used unless both mixup_alpha and cutmix_alpha are set"
