"""Networks with two classifiers: one learns from the labels, the other from a teacher; both predict."""

from __future__ import annotations

from typing import Any

from gluonlab.runtime.mxnet import gluon


class TwoHeaded:
    """Of a network whose forward ends with `outputs_of`; logits are the mean of both heads.

    ``heads`` are the names of its classifiers. With ``learns_apart`` training gives each head a loss of its
    own; else their mean is trained, as that of any network.
    """

    heads = ("head", "head_dist")
    learns_apart = False
    _shows_both = False

    def outputs_of(self, F: Any, first: Any, second: Any) -> Any:
        """Logits (n, classes), the mean of those of both heads; as `both` has it while that is called."""
        mean = (first + second) * 0.5
        return [F.concat(first, second, dim=1), mean] if self._shows_both else mean

    def both(self, images: Any) -> list[Any]:
        """Logits (n, 2 * classes) of both heads side by side, and their mean (n, classes)."""
        self._shows_both = True
        try:
            outputs: list[Any] = self(images)  # type: ignore[operator]
        finally:
            self._shows_both = False
        return outputs


class BothHeads(gluon.HybridBlock):
    """``net`` with the parameters it has, as `TwoHeaded.both` computes it; hybridize both alike."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images to logits of both heads, and their mean."""
        return self.net.both(x)


def outputs_in_training(net: Any, images: Any) -> list[Any]:
    """What the loss is computed of, and logits (n, classes): the same twice, unless two heads learn apart."""
    if isinstance(net, TwoHeaded) and net.learns_apart:
        return net.both(images)
    return [net(images)] * 2
