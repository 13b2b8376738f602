"""What a network is trained for: its losses over a batch, and what is counted beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Optional, Protocol

from gluonlab import arrays as libraries
from gluonlab.errors import ConfigError
from gluonlab.runtime.mxnet import gluon

Loss = Callable[..., Any]
"""From a network and the arrays of a batch to losses (n,), or to them and the outputs for the metrics."""
Metric = Callable[..., Any]
"""From those outputs, or the losses if there are none, and the arrays of the batch to values (n,)."""

LOSS = "loss"


class Task(Protocol):
    """What `train_steps` and `evaluate` do with a network and a batch, a tuple of any arrays of n samples.

    ``metrics`` names what is averaged beside the loss. ``score`` is what makes one state better than
    another: a metric of which more is better, or "loss", of which less is. ``unit`` is what samples are.
    """

    metrics: tuple[str, ...]
    score: str
    unit: str

    def losses(self, net: Callable[..., Any], *batch: Any) -> tuple[Any, Any]:
        """Losses (n,) of ``batch``, and what `sums` needs beside them, such as logits."""

    def sums(self, losses: Any, outputs: Any, *batch: Any) -> Any:
        """Over the samples of ``batch``: of the loss, each metric, and 1 for each sample that counts.

        A float64 array (2 + number of metrics,) on the device.
        """


class LossTask:
    """Samples with a loss: ``loss(net, *batch)`` is (n,), or a pair of that and outputs for the metrics.

    ``metrics`` have a function for each name, of outputs and batch to values (n,). Every sample counts.
    """

    def __init__(
        self,
        loss: Loss,
        metrics: Optional[Mapping[str, Metric]] = None,
        *,
        score: str = LOSS,
        unit: str = "samples",
    ) -> None:
        self._loss, self._metrics = loss, dict(metrics or {})
        self.metrics = tuple(self._metrics)
        self.score, self.unit = score, unit
        if score not in (LOSS, *self.metrics):
            raise ConfigError(
                "CFG91", "score", f"'{score}' is no metric", f"one of {', '.join((LOSS, *self.metrics))}"
            )

    def losses(self, net: Callable[..., Any], *batch: Any) -> tuple[Any, Any]:
        """Those of the function."""
        found = self._loss(net, *batch)
        return found if isinstance(found, tuple) else (found, found)

    def sums(self, losses: Any, outputs: Any, *batch: Any) -> Any:
        """Each function in turn."""
        columns = [losses, *(metric(outputs, *batch) for metric in self._metrics.values())]
        return libraries.of(losses).column_sums(columns)


class Classification:
    """Images and labels: loss, top-1 and top-5.

    ``loss_fn`` makes losses (n,) of logits (n, classes), labels (n,) and what else the batch has; of two
    heads that learn apart it gets the logits side by side (`TwoHeaded.both`). A sample
    with a negative label is padding and is not counted. Among equal logits the label ranks last, so a
    network that cannot tell classes apart gets no credit.
    """

    metrics: tuple[str, ...] = ("top1", "top5")
    score = "top1"
    unit = "images"

    def __init__(self, loss_fn: Callable[..., Any]) -> None:
        self.loss_fn = loss_fn
        self._count = _Count()
        self._count.hybridize(static_alloc=True)

    def losses(self, net: Callable[..., Any], *batch: Any) -> tuple[Any, Any]:
        """Losses (n,) and logits (n, classes)."""
        images, *targets = batch
        outputs = net(images)
        learnt, logits = outputs if isinstance(outputs, list) else (outputs, outputs)
        return libraries.of(logits).call(self.loss_fn, learnt, *targets), logits

    def sums(self, losses: Any, outputs: Any, *batch: Any) -> Any:
        """One compiled call."""
        return libraries.of(losses).call(self._count, losses, outputs, batch[1])


class _Count(gluon.HybridBlock):
    """What one batch adds to the sums; compiled, since calls of 20 operators would cost more than they do."""

    def hybrid_forward(self, F: Any, losses: Any, logits: Any, labels: Any) -> Any:
        """Losses (n,), logits (n, classes) and labels (n,) to loss, top-1, top-5 and count: float64 (4,)."""
        is_real = labels >= 0
        target = F.pick(logits, labels, axis=1, keepdims=True)
        place = F.broadcast_greater_equal(logits, target).sum(axis=1)  # 1 is best; 0 if the target is NaN
        top1 = (place == 1) * is_real
        top5 = (place >= 1) * (place <= 5) * is_real
        loss = F.where(is_real, losses.astype("float32"), F.zeros_like(is_real))
        return F.stack(loss, top1, top5, is_real, axis=0).sum(axis=1).astype("float64")


def score_of(task: Task, results: Mapping[str, float]) -> float:
    """The score of ``results``, of which more is better."""
    return -results[LOSS] if task.score == LOSS else results[task.score]


def check_losses(losses: Any, batch: tuple[Any, ...]) -> None:
    """Refuse a batch whose arrays differ in length, and losses that are not one for each sample.

    Raises:
        ConfigError: CFG90.
    """
    lengths = [len(array) for array in batch]
    if len(set(lengths)) > 1:
        raise ConfigError("CFG90", "batch", f"arrays of {', '.join(map(str, lengths))} samples")
    if tuple(losses.shape) != (lengths[0],):
        raise ConfigError(
            "CFG90",
            "loss",
            f"has shape {tuple(losses.shape)} over {lengths[0]} samples",
            f"one loss for each sample, ({lengths[0]},)",
        )
