"""What may be chosen for every model, whatever its family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Optional


@dataclass(frozen=True)
class ModelOptions:
    """Choices that every model understands.

    ``zero_last_gamma`` starts each residual branch at zero, so that a block starts as its shortcut
    (Goyal et al. 2017, section 5.1). ``bn_momentum`` is the share of the old running statistics that
    an update keeps, ``bn_epsilon`` is added to the variance, ``input_channels`` is the number of image
    channels, ``dropout`` the share of features that training leaves out in front of the classifier; None
    leaves them as the model has them by default. ``stochastic_depth`` is the probability of the last
    residual branch to be left out, see `stochastic_depth.BranchDrop`. ``image_size`` is the height and width
    of the images, which matters to networks with an embedding of each place; None is what they are meant for.
    """

    zero_last_gamma: bool = False
    bn_momentum: Optional[float] = None
    bn_epsilon: Optional[float] = None
    input_channels: Optional[int] = None
    dropout: Optional[float] = None
    stochastic_depth: float = 0.0
    image_size: Optional[int] = None

    def with_batch_norm(self, *, momentum: float, epsilon: float) -> ModelOptions:
        """These options, with a family's own constants of batch normalisation where they are left open."""
        return replace(
            self,
            bn_momentum=momentum if self.bn_momentum is None else self.bn_momentum,
            bn_epsilon=epsilon if self.bn_epsilon is None else self.bn_epsilon,
        )

    def dropout_or(self, default: float) -> float:
        """The share to leave out in a family that leaves out ``default`` by itself."""
        return default if self.dropout is None else self.dropout
