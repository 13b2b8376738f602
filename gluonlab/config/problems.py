"""From what pydantic says against a file to our own problems: code, place, one line, hint."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Optional, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gluonlab.errors import Problem
from gluonlab.section import OneOf, Section, choice_of, within_sentence

_CODES = {
    "extra_forbidden": "CFG04",
    "missing": "CFG17",
    "literal_error": "CFG09",
    "union_tag_invalid": "CFG09",
    "union_tag_not_found": "CFG17",
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


@dataclass(frozen=True)
class Place:
    """Where something is: its keys as a recipe has them, and the section that the last one is in."""

    keys: tuple[int | str, ...]
    section: type[Section]
    choice: Optional[OneOf] = None
    """What ``section`` is one of."""


def place_of(location: Sequence[int | str], root: type[Section]) -> Place:
    """The place that pydantic calls ``location``, with the name of each chosen section among its keys."""
    keys: list[int | str] = []
    section, choice = root, None
    place = Place((), root)
    parts = list(location)
    while parts:
        part = parts.pop(0)
        keys.append(part)
        place = Place(tuple(keys), section, choice)
        field = section.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            continue
        chosen = choice_of(field)
        if chosen is None:
            section, choice = _section_in(field.annotation) or section, None
        elif parts:
            section, choice = chosen.sections[str(parts.pop(0))], chosen
    return place


def _as_problems(
    details: ErrorDetails, root: type[Section], file: str, origins: Mapping[str, str]
) -> list[Problem]:
    kind, place = details["type"], place_of(details["loc"], root)
    keys = (*place.keys, "name") if kind.startswith("union_tag") else place.keys
    key = ".".join(map(str, keys))
    set_by = origins.get(".".join(part for part in keys if isinstance(part, str)), file)
    where = f"{set_by}: {key}" if key else file
    code = _CODES.get(kind, "CFG06")
    if kind == "extra_forbidden":
        return [_unknown_key(code, where, place)]
    if code == "CFG17":
        known = place.section.model_fields.get(str(place.keys[-1]))
        meaning = (known and known.description) or ""
        return [Problem(code, where, "is required", within_sentence(meaning))]
    if kind == "union_tag_invalid":
        context = details["ctx"]
        what = f"should be one of {context['expected_tags']}, got {details['input']['name']!r}"
        return [Problem(code, where, what)]
    message = details["msg"].replace("Value error, ", "").replace("Input should be", "should be")
    given = "" if kind == "value_error" else f", got {details['input']!r}"
    return [Problem(code, where, line + given) for line in message.splitlines()]


def _unknown_key(code: str, where: str, place: Place) -> Problem:
    """With the sections that have the key, or the nearest key of this one."""
    key, known = str(place.keys[-1]), place.section.model_fields
    sections = place.choice.sections if place.choice else {}
    users = [name for name, section in sections.items() if key in section.model_fields]
    if users:
        hint = f"leave it out, or set name to {' or '.join(users)}"
        if all(isinstance(part, str) for part in place.keys):  # overrides do not reach into lists
            hint += f"; {'.'.join(map(str, place.keys))}=null unsets an inherited one"
        return Problem(code, where, f"is not used by {known['name'].default!r}", hint)
    near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
    return Problem(code, where, "unknown key", hint)


def _section_in(annotation: object) -> type[Section] | None:
    """The section that a field holds: itself, optional, or in a list."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Section):
            return part
    return None
