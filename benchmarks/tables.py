"""What the tables of the pages share: where they stand in a page, and how a ratio is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Sections = dict[str, Callable[[Path], str]]
"""What stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` of a page, made from a folder of results."""


def fill_in(page: str, results: Path, sections: Sections) -> str:
    """``page`` with what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` made anew."""
    for name, render in sections.items():
        section = re.compile(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", re.DOTALL)
        text = f"<!-- {name} -->\n{render(results)}<!-- /{name} -->"
        page = section.sub(lambda _, text=text: text, page)  # type: ignore[misc]
    return page


def ratio_cells(row: dict[str, Any], digits: int) -> tuple[str, str]:
    """The ratio of ``row`` and its interval; of a cost that may be none only what it is below."""
    if row["interval_95"] is None:
        return f"{row['ratio']:.{digits}f}", "none, too few runs"
    low, high = row["interval_95"]
    interval = f"{low:.{digits}f} to {high:.{digits}f}"
    if row["at_most"] and low <= 1:
        return f"not measurable (below {max(high - 1, 0):.1%} more)", interval
    return f"{row['ratio']:.{digits}f}", interval
