"""The keys of each loss in a recipe; read without MXNet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal, Optional

from pydantic import Field

from gluonlab.section import Section

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon


class LossSection(Section):
    """What training minimises; validation computes it without smoothing."""

    places: ClassVar[tuple[str, ...]] = ()
    """Keys that say where something lies, which may move; what it is belongs to the identity of a run."""

    name: str
    reduction: Literal["mean", "sum"] = Field(
        "mean",
        description="Over the images of a batch; by `sum` the gradient, and so rates and L2 penalties, are "
        "those of a sum, whatever the size of the batch.",
    )

    def build(self, classes: int, smoothing: float) -> gluon.HybridBlock:
        """The loss of training, with ``smoothing`` of the target spread over all classes."""
        raise NotImplementedError

    def build_for_validation(self, classes: int) -> gluon.HybridBlock:
        """The loss of validation, against the labels as they are."""
        return self.build(classes, 0.0)

    def of_equal_logits(self, classes: int) -> float:
        """The loss of a network whose logits are equal, whatever the target, be it smoothed or mixed."""
        raise NotImplementedError

    def problems_with_mixing(self) -> Iterator[str]:
        """What does not go with images that are mixed."""
        return iter(())


class CrossEntropySection(LossSection):
    """Cross entropy after softmax."""

    name: Literal["cross_entropy"] = "cross_entropy"

    def build(self, classes: int, smoothing: float) -> gluon.HybridBlock:
        """Cross entropy."""
        from gluonlab.losses.blocks import SmoothedCrossEntropy

        return SmoothedCrossEntropy(smoothing)

    def of_equal_logits(self, classes: int) -> float:
        """Each class has a probability of 1 / classes."""
        return math.log(classes)


class BCESection(LossSection):
    """Each class against all others, the mean over classes (Wightman et al. 2021)."""

    name: Literal["bce"] = "bce"
    target_threshold: Optional[float] = Field(
        None,
        ge=0,
        lt=1,
        description="A class with more than this share of a mixed image is a target of 1; default: its "
        "share is the target.",
    )

    def build(self, classes: int, smoothing: float) -> gluon.HybridBlock:
        """Binary cross entropy."""
        from gluonlab.losses.blocks import BinaryCrossEntropy

        return BinaryCrossEntropy(classes, smoothing, self.target_threshold)

    def build_for_validation(self, classes: int) -> gluon.HybridBlock:
        """Binary cross entropy; no label of validation has a share."""
        from gluonlab.losses.blocks import BinaryCrossEntropy

        return BinaryCrossEntropy(classes)

    def of_equal_logits(self, classes: int) -> float:
        """Each class is as likely as not, where the logits are 0."""
        return math.log(2)

    def problems_with_mixing(self) -> Iterator[str]:
        """A threshold that no half of an image reaches."""
        if self.target_threshold is not None and self.target_threshold >= 0.5:
            yield (
                f"target_threshold {self.target_threshold:g} cannot go with mixing, for images that are "
                "mixed by halves would have no class at all; use less than 0.5"
            )
