"""The training losses: one number for each sample.

A loss takes labels alone, or the mixture that `data.mixing` makes: ``partners`` (n,), other labels, and
``share`` (n,), what the ``labels`` have of the target. Labels must lie in [0, classes).
"""

from __future__ import annotations

from typing import Any, Optional

from gluonlab.runtime.mxnet import gluon


class SmoothedCrossEntropy(gluon.HybridBlock):
    """Cross entropy against ``(1 - smoothing) * one_hot + smoothing / classes`` (Szegedy et al. 2016).

    Logits (n, classes) and labels (n,) -> losses (n,).
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self._smoothing = smoothing

    def hybrid_forward(
        self, F: Any, logits: Any, labels: Any, partners: Any = None, share: Any = None
    ) -> Any:
        """Losses, one for each sample."""
        log_probabilities = F.log_softmax(logits.astype("float32"), axis=1)
        losses = -F.pick(log_probabilities, labels, axis=1)
        if partners is not None:
            losses = share * losses - (1 - share) * F.pick(log_probabilities, partners, axis=1)
        if self._smoothing == 0:
            return losses
        uniform = -F.mean(log_probabilities, axis=1)
        return (1 - self._smoothing) * losses + self._smoothing * uniform


class BinaryCrossEntropy(gluon.HybridBlock):
    """Each class against the others by itself, the mean over classes (Wightman et al. arXiv:2110.00476).

    Targets are smoothed as those of `SmoothedCrossEntropy`. With a ``target_threshold`` every class whose
    share of a mixture is above it is a target of 1, as that paper has it: both may be present in full.
    Logits (n, classes) and labels (n,) -> losses (n,).
    """

    def __init__(
        self, classes: int, smoothing: float = 0.0, target_threshold: Optional[float] = None
    ) -> None:
        super().__init__()
        self._classes = classes
        self._smoothing = smoothing
        self._target_threshold = target_threshold

    def hybrid_forward(
        self, F: Any, logits: Any, labels: Any, partners: Any = None, share: Any = None
    ) -> Any:
        """Losses, one for each sample."""
        logits = logits.astype("float32")
        targets = F.one_hot(labels, self._classes)
        if partners is not None:
            share = share.expand_dims(1)
            others = F.one_hot(partners, self._classes)
            targets = F.broadcast_mul(targets, share) + F.broadcast_mul(others, 1 - share)
        if self._target_threshold is not None:
            targets = targets > self._target_threshold
        targets = (1 - self._smoothing) * targets + self._smoothing / self._classes
        # -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)), without overflow
        losses = F.relu(logits) - targets * logits + F.Activation(-F.abs(logits), act_type="softrelu")
        return F.mean(losses, axis=1)
