"""The training loss."""

from __future__ import annotations

from typing import Any

from gluonlab.runtime.mxnet import gluon


class SmoothedCrossEntropy(gluon.HybridBlock):
    """Cross entropy against ``(1 - smoothing) * one_hot + smoothing / classes`` (Szegedy et al. 2016).

    Logits (n, classes) and labels (n,) -> losses (n,). Labels must lie in [0, classes).
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        super().__init__()
        self._smoothing = smoothing

    def hybrid_forward(self, F: Any, logits: Any, labels: Any) -> Any:
        """Losses, one for each sample."""
        log_probabilities = F.log_softmax(logits.astype("float32"), axis=1)
        losses = -F.pick(log_probabilities, labels, axis=1)
        if self._smoothing == 0:
            return losses
        uniform = -F.mean(log_probabilities, axis=1)
        return (1 - self._smoothing) * losses + self._smoothing * uniform
