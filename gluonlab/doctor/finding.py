"""One line of the doctor's report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
_GRAVITY: dict[State, int] = {"ok": 0, "warn": 1, "fail": 2}


@dataclass(frozen=True)
class Finding:
    """What was ``found`` of ``name``; ``mend`` is what to type or change, empty if all is well."""

    name: str
    state: State
    found: str
    mend: str = ""


def ok(name: str, found: str) -> Finding:
    """A finding that all is well."""
    return Finding(name, "ok", found)


def warn(name: str, found: str, mend: str) -> Finding:
    """A finding of something that not everybody needs and that does not work, or not well."""
    return Finding(name, "warn", found, mend)


def fail(name: str, found: str, mend: str) -> Finding:
    """A finding of something without which training fails."""
    return Finding(name, "fail", found, mend)


def gravest(findings: Sequence[Finding]) -> State:
    """The worst state among ``findings``."""
    return max((finding.state for finding in findings), key=_GRAVITY.__getitem__, default="ok")
