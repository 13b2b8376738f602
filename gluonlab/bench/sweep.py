"""The largest batch that fits, found by trying."""

from __future__ import annotations

from collections.abc import Callable
from typing import Optional


def largest_that_fits(fits: Callable[[int], bool], first: int, most: int) -> Optional[int]:
    """The largest batch up to ``most`` for which ``fits`` is true, to within a sixteenth; None if not even 1.

    Doubles ``first`` until something does not fit, then halves what is between.
    """
    good, bad = 0, None
    batch = min(first, most)
    while bad is None or bad - good > max(good // 16, 1):
        if fits(batch):
            good = batch
            if good == most:
                return good
        else:
            bad = batch
        batch = min(2 * good, most) if bad is None else (good + bad) // 2
        if batch == 0:
            return None
    return good or None
