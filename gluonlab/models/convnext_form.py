"""What tells the ConvNeXts apart."""

from __future__ import annotations

from dataclasses import dataclass

Four = tuple[int, int, int, int]


@dataclass(frozen=True)
class ConvNeXtForm:
    """Blocks and channels of the four stages.

    ``has_response_norm`` makes it the second version (Woo et al. 2023, arXiv:2301.00808), which has such a
    norm in each block and no layer scale.
    """

    blocks: Four
    channels: Four
    has_response_norm: bool = False
