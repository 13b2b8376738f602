"""The keys of SGD and of Nesterov's variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from gluonlab.optim.sections.base import MomentumSection

if TYPE_CHECKING:
    from gluonlab.optim.momentum import NAG, SGD
    from gluonlab.runtime.mxnet import gluon


class SGDSection(MomentumSection):
    """SGD with momentum."""

    name: Literal["sgd"] = "sgd"

    def build(self, learning_rate: float, net: gluon.Block) -> SGD:
        """SGD with these values."""
        from gluonlab.optim.momentum import SGD

        return SGD(learning_rate, self.momentum, self.weight_decay, self.momentum_correction)


class NAGSection(MomentumSection):
    """SGD with Nesterov's momentum."""

    name: Literal["nag"] = "nag"

    def build(self, learning_rate: float, net: gluon.Block) -> NAG:
        """NAG with these values."""
        from gluonlab.optim.momentum import NAG

        return NAG(learning_rate, self.momentum, self.weight_decay, self.momentum_correction)
