"""Numbers of channels that hardware likes."""

from __future__ import annotations


def round_to_multiple(channels: float, of: int) -> int:
    """The nearest multiple of ``of``, or the next one where that would take away more than a tenth."""
    nearest = max(of, int(channels + of / 2) // of * of)
    return nearest + of if nearest < 0.9 * channels else nearest


def round_to_eight(channels: float) -> int:
    """As `round_to_multiple` of 8."""
    return round_to_multiple(channels, 8)
