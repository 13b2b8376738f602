"""What may be chosen for every model, whatever its family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class ModelOptions:
    """Choices that every model understands.

    ``zero_last_gamma`` starts each residual branch at zero, so that a block starts as its shortcut
    (Goyal et al. 2017, section 5.1). ``bn_momentum`` is the share of the old running statistics that
    an update keeps; ``bn_epsilon`` is added to the variance. ``input_channels`` replaces the number
    of image channels that the model has by default. ``dropout`` is the share of features that training
    leaves out before the classifier; ``stochastic_depth`` is the probability of the last residual branch
    to be left out, see `stochastic_depth.BranchDrop`.
    """

    zero_last_gamma: bool = False
    bn_momentum: float = 0.9
    bn_epsilon: float = 1e-5
    input_channels: Optional[int] = None
    dropout: float = 0.0
    stochastic_depth: float = 0.0
