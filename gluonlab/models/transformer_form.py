"""What tells the vision transformers apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TransformerForm:
    """Pixels along a side of a patch, channels of a token (64 for each head), and blocks."""

    patch: int
    width: int
    depth: int
