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


class Distillation(gluon.HybridBlock):
    """``1 - share`` of the cross entropy against the labels, ``share`` of that against a teacher's logits.

    With a ``temperature`` T the teacher's targets are soft, ``softmax(logits / T)``, the network's logits are
    divided by T too, and the product is times T^2, so that gradients keep their size (Hinton et al.
    arXiv:1503.02531, section 2). Without it the target is the teacher's likeliest class (Touvron et al.
    arXiv:2012.12877, equation 3). Only the labels are smoothed.

    Logits (n, classes), or (n, 2 * classes) of two heads of which the second one learns from the teacher;
    labels (n,) and what else a mixture has; the teacher's logits (n, classes) come last -> losses (n,).
    """

    def __init__(
        self, classes: int, smoothing: float = 0.0, share: float = 0.5, temperature: Optional[float] = None
    ) -> None:
        super().__init__()
        self._classes, self._share, self._temperature = classes, share, temperature
        self.cross_entropy = SmoothedCrossEntropy(smoothing)

    def hybrid_forward(self, F: Any, logits: Any, labels: Any, *mixture_and_teacher: Any) -> Any:
        """Losses, one for each sample."""
        *mixture, teacher = mixture_and_teacher
        by_labels = F.slice_axis(logits, axis=1, begin=0, end=self._classes)
        by_teacher = F.slice_axis(logits, axis=1, begin=-self._classes, end=None)
        losses = (1 - self._share) * self.cross_entropy(by_labels, labels, *mixture)
        return losses + self._share * self._against(F, by_teacher.astype("float32"), teacher)

    def _against(self, F: Any, logits: Any, teacher: Any) -> Any:
        if self._temperature is None:
            return -F.pick(F.log_softmax(logits, axis=1), F.argmax(teacher, axis=1), axis=1)
        targets = F.softmax(teacher / self._temperature, axis=1)
        losses = -F.sum(targets * F.log_softmax(logits / self._temperature, axis=1), axis=1)
        return self._temperature**2 * losses
