"""Results of `gluonlab bench` in the HTML report: their pictures, and a table of each."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from gluonlab.errors import ConfigError
from gluonlab.reporting.html_page import figure, numbers_table
from gluonlab.reporting.measured_pictures import Result, pictures_of

_HEADER = ("measured", "unit", "median", "lowest", "highest", "95 %", "")


def measured_section(results: Mapping[str, Result]) -> str:
    """All pictures of ``results``, by name of their file, then a table for each.

    Raises:
        ConfigError: BEN01 if rows lack what a measurement has.
    """
    try:
        pictures = pictures_of(list(results.values()))
        figures = "\n".join(figure(picture.as_svg(), picture.title) for picture in pictures)
        tables = [_table(name, result) for name, result in results.items()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        names = ", ".join(results)
        raise ConfigError("BEN01", names, f"is not a result of gluonlab bench: {error!r}") from None
    shown = [f'<div class="figures">\n{figures}\n</div>'] if pictures else []
    return "\n".join(["<h2>Measurements</h2>", *shown, *tables])


def _table(name: str, result: Result) -> str:
    table = numbers_table(_HEADER, [_cells(row) for row in result["rows"]])
    return f'<h3>{escape(name)}</h3>\n{table}\n<p class="soft note">{escape(_origin(result))}</p>'


def _cells(row: Mapping[str, Any]) -> list[str]:
    interval = row.get("interval_95")
    marks = [] if row.get("complete", True) else ["interrupted"]
    marks += ["fewer cores than threads"] if row.get("is_oversubscribed") else []
    return [
        escape(row["name"]),
        escape(row["unit"]),
        *(f"{row[key]:,.4g}" for key in ("median", "lowest", "highest")),
        f"{interval[0]:,.4g} to {interval[1]:,.4g}" if interval else "–",
        ", ".join(marks),
    ]


def _origin(result: Result) -> str:
    """On what, when and by what command it was measured."""
    machine = result.get("machine", {})
    said = [f"{machine['cores']} cores of {machine['processor']}"] if "processor" in machine else []
    said += [str(result[key]) for key in ("date", "git_commit") if result.get(key)]
    return "; ".join([*said, " ".join(result.get("command", []))])
