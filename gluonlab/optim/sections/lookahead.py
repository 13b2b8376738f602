"""The keys of Lookahead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from pydantic import Field

from gluonlab.section import Section


class LookaheadSection(Section):
    """Slow weights that follow the fast ones, and which these return to (Zhang et al. 2019)."""

    every: Optional[int] = Field(
        None, ge=1, description="Updates between two returns, 5 as a rule; default: no Lookahead."
    )
    alpha: Optional[float] = Field(
        None,
        gt=0,
        le=1,
        description="What the slow weights take of the fast ones. Default: all at first, 1 - 0.95^every at "
        "the end, running statistics too, and a run ends at the slow weights.",
    )

    def _problems(self) -> Iterator[str]:
        if self.alpha is not None and self.every is None:
            yield "alpha is not used without every"
