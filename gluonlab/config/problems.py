"""From what pydantic says against a file to our own problems: code, place, one line, hint."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gluonlab.config.sections import Section
from gluonlab.errors import Problem

_CODES = {
    "extra_forbidden": "CFG04",
    "missing": "CFG17",
    "literal_error": "CFG09",
    "value_error": "CFG10",
    "finite_number": "CFG07",
    "greater_than": "CFG07",
    "greater_than_equal": "CFG07",
    "less_than": "CFG07",
    "less_than_equal": "CFG07",
}


def find_problems(
    error: ValidationError, root: type[Section], file: str, origins: Mapping[str, str]
) -> list[Problem]:
    """All that is wrong with the tree that should have become a ``root``.

    ``origins`` tells which file or override set a dotted key; the others are said to be of ``file``.
    """
    return [problem for details in error.errors() for problem in _as_problems(details, root, file, origins)]


def _as_problems(
    details: ErrorDetails, root: type[Section], file: str, origins: Mapping[str, str]
) -> list[Problem]:
    kind, location = details["type"], details["loc"]
    key = ".".join(map(str, location))
    set_by = origins.get(".".join(part for part in location if isinstance(part, str)), file)
    where = f"{set_by}: {key}" if key else file
    code = _CODES.get(kind, "CFG06")
    if kind == "extra_forbidden":
        return [Problem(code, where, "unknown key", _suggestion(location, root))]
    if kind == "missing":
        return [Problem(code, where, "is required")]
    message = details["msg"].replace("Value error, ", "").replace("Input should be", "should be")
    given = "" if kind == "value_error" else f", got {details['input']!r}"
    return [Problem(code, where, line + given) for line in message.splitlines()]


def _suggestion(location: Sequence[int | str], root: type[Section]) -> str:
    """The nearest key of the section that ``location`` is in."""
    section = root
    for part in location[:-1]:
        if isinstance(part, str):
            section = _section_in(section.model_fields[part].annotation)
    near = difflib.get_close_matches(str(location[-1]), section.model_fields, n=1, cutoff=0.5)
    return f"did you mean {near[0]}?" if near else f"known keys: {', '.join(section.model_fields)}"


def _section_in(annotation: object) -> type[Section]:
    """The section that a field holds: itself, optional, or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    return next(section for part in get_args(annotation) if (section := _section_in_or_none(part)))


def _section_in_or_none(annotation: object) -> type[Section] | None:
    is_section = isinstance(annotation, type) and issubclass(annotation, Section)
    return annotation if is_section else None  # type: ignore[return-value]
