"""What tells the RegNets apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RegNetForm:
    """Blocks and channels of the four stages, and the most channels of a group.

    Figures 16 and 17 of the paper. RegNet Y (``has_squeeze_excitation``) is X with gates.
    """

    blocks: tuple[int, int, int, int]
    channels: tuple[int, int, int, int]
    group_width: int
    has_squeeze_excitation: bool = False
