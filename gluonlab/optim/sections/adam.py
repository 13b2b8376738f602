"""The keys of Adam with decoupled weight decay, and of Nesterov's variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gluonlab.optim.sections.base import AdamSection

if TYPE_CHECKING:
    from gluonlab.optim.adam import AdamW, NAdamW
    from gluonlab.runtime.mxnet import gluon


class AdamWSection(AdamSection):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    name: Literal["adamw"] = "adamw"

    def build(self, learning_rate: float, net: gluon.Block) -> AdamW:
        """AdamW with these values."""
        from gluonlab.optim.adam import AdamW

        return AdamW(learning_rate, self.weight_decay, beta1=self.beta1, beta2=self.beta2, eps=self.eps)


class NAdamWSection(AdamSection):
    """AdamW with Nesterov's momentum (Dozat 2016)."""

    name: Literal["nadamw"] = "nadamw"

    def build(self, learning_rate: float, net: gluon.Block) -> NAdamW:
        """NAdamW with these values."""
        from gluonlab.optim.adam import NAdamW

        return NAdamW(learning_rate, self.weight_decay, beta1=self.beta1, beta2=self.beta2, eps=self.eps)
