"""The keys that a sweep is over, and the values that each takes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from gluonlab.errors import ConfigError, Problem

_RANGE = re.compile(
    r"(?P<form>log|linear|int):(?P<low>[^.:]*(?:\.[^.:]+)?)\.\.(?P<high>[^:]+)(?::(?P<count>.*))?"
)
_COMMA = re.compile(r",(?![^\[]*\])(?![^{]*\})")  # of a list within a choice is none
FORMS = "log:0.01..10:9, linear:0..1:5, int:1..8 or a,b,c"


@dataclass(frozen=True)
class Axis:
    """``key`` takes one of ``choices``, or a number from ``low`` to ``high``.

    Values are texts, as an override has them. ``is_log``: equal ratios are alike, not equal differences.
    ``count`` is how many of them a grid has.
    """

    key: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False
    count: Optional[int] = None

    def at(self, share: float) -> str:
        """The value at a ``share`` in [0, 1] of the range; of choices each has an equal part of it."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        if self.is_whole:
            return str(min(int(self.low + share * (self.high - self.low + 1)), int(self.high)))
        if self.is_log:
            return self.text(self.low * (self.high / self.low) ** share)
        return self.text(self.low + share * (self.high - self.low))

    def text(self, value: float) -> str:
        """A number of the range in 6 digits, or an end of it in all that it has."""
        if self.is_whole:
            return str(round(value))
        return f"{min(max(float(f'{value:.6g}'), self.low), self.high):.12g}"

    def grid(self) -> list[str]:
        """All choices, all whole numbers, or ``count`` numbers from end to end."""
        if self.choices:
            return list(self.choices)
        if self.is_whole and self.count is None:
            return [str(value) for value in range(int(self.low), int(self.high) + 1)]
        assert self.count is not None, "parse_axes asks for it"
        last = max(self.count - 1, 1)
        if self.is_whole:
            spread = (self.high - self.low) / last
            return list(dict.fromkeys(self.text(self.low + spread * number) for number in range(self.count)))
        return [self.at(number / last) for number in range(self.count)]

    def ends(self) -> list[str]:
        """The values that are to be allowed before anything starts: all choices, or both ends."""
        return list(self.choices) or [self.text(self.low), self.text(self.high)]


def parse_axes(texts: Sequence[str], *, is_grid: bool) -> list[Axis]:
    """Read ``KEY=RANGE`` of each; ranges are those of `FORMS`, and a grid needs the number of values.

    Raises:
        ConfigError: SWP01 for each that cannot be read, or a key that comes twice.
    """
    axes: list[Axis] = []
    problems = []
    for text in texts:
        key, separator, form = text.partition("=")
        try:
            if not (key and separator and form):
                raise ValueError("is not of the form KEY=RANGE")
            if key in ("run_dir", "extends"):
                raise ValueError("cannot be swept over")
            if key in [axis.key for axis in axes]:
                raise ValueError("comes twice")
            axes.append(_parse(key, form, is_grid=is_grid))
        except ValueError as error:
            problems.append(Problem("SWP01", f"--over {text}", f"{key} {error}", f"ranges: {FORMS}"))
    if problems:
        raise ConfigError.from_problems(problems)
    return axes


def _parse(key: str, form: str, *, is_grid: bool) -> Axis:
    match = _RANGE.fullmatch(form)
    if match is None:
        if re.match(r"(log|linear|int):", form):
            raise ValueError("has a range that cannot be read")
        choices = tuple(choice.strip() for choice in _COMMA.split(form))
        if not all(choices) or len(set(choices)) < len(choices):
            raise ValueError("has an empty choice, or one twice")
        return Axis(key, choices)
    low, high = _number(match["low"]), _number(match["high"])
    count = None if match["count"] is None else _count(match["count"])
    axis = Axis(
        key,
        low=low,
        high=high,
        is_log=match["form"] == "log",
        is_whole=match["form"] == "int",
        count=count,
    )
    _check_range(axis, is_grid=is_grid)
    return axis


def _check_range(axis: Axis, *, is_grid: bool) -> None:
    if axis.low >= axis.high:
        raise ValueError(f"goes from {axis.low:g} to {axis.high:g}, not upwards")
    if axis.is_log and axis.low <= 0:
        raise ValueError(f"has a logarithmic range from {axis.low:g}, which is not above 0")
    if axis.is_whole and not (axis.low.is_integer() and axis.high.is_integer()):
        raise ValueError("has a range of whole numbers between others")
    if is_grid and axis.count is None and not axis.is_whole:
        raise ValueError("needs the number of values for a grid, as in log:0.01..10:9")


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"has an end that is no number: {text!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"has an end that is not finite: {text!r}")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or not 2 <= int(text) <= 1000:
        raise ValueError(f"should have 2 to 1000 values, got {text!r}")
    return int(text)
