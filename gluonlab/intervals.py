"""Intervals with a unit, such as ``10min`` or ``500steps``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Optional

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Interval:
    """``amount`` of ``unit``."""

    amount: float
    unit: Literal["steps", "epochs", "seconds"]


def parse_interval(text: str) -> Optional[Interval]:
    """Read ``500steps``, ``2epochs``, ``10min``, ``30s``, ``1h``; None for ``never``.

    Raises:
        ValueError: for anything else, or an amount that is not positive.
    """
    if text == "never":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(steps?|epochs?|s|min|h)", text)
    if not match or float(match[1]) <= 0:
        raise ValueError(f"{text!r} is not an interval such as 500steps, 2epochs, 10min, 30s or never")
    amount, unit = float(match[1]), match[2]
    if unit.startswith("step"):
        if amount != int(amount):
            raise ValueError(f"{text!r} is not a whole number of steps")
        return Interval(amount, "steps")
    if unit.startswith("epoch"):
        return Interval(amount, "epochs")
    return Interval(amount * _SECONDS[unit], "seconds")
