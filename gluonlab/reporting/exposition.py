"""Metrics in the text format of Prometheus (version 0.0.4), which the OpenTelemetry Collector scrapes, too.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Family:
    """All values of one metric: ``name`` ends in its unit, that of a counter in ``_total``."""

    name: str
    kind: Literal["gauge", "counter"]
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float, **labels: str) -> None:
        """Add a value, told apart by its labels."""
        self.samples.append((labels, value))


def exposition(families: Iterable[Family]) -> str:
    """The text for ``families``; those without a value are left out."""
    return "".join(_lines_of(family) for family in families if family.samples)


def _lines_of(family: Family) -> str:
    described = family.help.replace("\\", r"\\").replace("\n", r"\n")
    lines = [f"# HELP {family.name} {described}", f"# TYPE {family.name} {family.kind}"]
    lines += [f"{family.name}{_braced(labels)} {_number(value)}" for labels, value in family.samples]
    return "\n".join(lines) + "\n"


def _braced(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    pairs: Sequence[str] = [f'{name}="{_escaped(value)}"' for name, value in labels.items()]
    return "{" + ",".join(pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(value)
