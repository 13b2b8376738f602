"""The keys of training a network by what another one says; read without MXNet."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gluonlab.losses.sections import LossSection

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon


class DistillationSection(LossSection):
    """Cross entropy against the labels, and against what a trained network makes of the same images.

    Soft targets are those of Hinton et al. 2015 (arXiv:1503.02531), hard ones those of Touvron et al. 2020
    (arXiv:2012.12877).
    """

    places: ClassVar[tuple[str, ...]] = ("teacher",)

    name: Literal["distillation"] = "distillation"
    teacher: str = Field(
        description="The trained network: a run, a checkpoint, a model folder, or `store:NAME`. It sees each "
        "image as the network does, mixed and cut, and predicts."
    )
    share: float = Field(
        0.5, gt=0, le=1, description="What the teacher has of the loss; the labels have the rest."
    )
    targets: Literal["soft", "hard"] = Field(
        "soft", description="The teacher's probabilities, or the class that it holds to be the likeliest."
    )
    temperature: float = Field(
        1.0,
        gt=0,
        le=1000,
        description="What both networks' logits are divided by for soft targets; their part of the loss is "
        "times its square.",
    )

    def _problems(self) -> Iterator[str]:
        if self.targets == "hard" and self.temperature != 1:
            yield "temperature is for soft targets; leave it out, or set targets to soft"

    def build(self, classes: int, smoothing: float) -> gluon.HybridBlock:
        """Of the logits of a network, or of both of its heads side by side; the teacher's come last."""
        from gluonlab.losses.blocks import Distillation

        temperature = self.temperature if self.targets == "soft" else None
        return Distillation(classes, smoothing, self.share, temperature)

    def build_for_validation(self, classes: int) -> gluon.HybridBlock:
        """Cross entropy; the teacher is not asked."""
        from gluonlab.losses.blocks import SmoothedCrossEntropy

        return SmoothedCrossEntropy()

    def of_equal_logits(self, classes: int) -> float:
        """Each class has a probability of 1 / classes, at any temperature."""
        weight = self.temperature**2 if self.targets == "soft" else 1.0
        return ((1 - self.share) + self.share * weight) * math.log(classes)
