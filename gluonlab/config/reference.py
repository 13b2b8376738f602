"""The reference of all configuration keys, made from the schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gluonlab.config.phases import Phase
from gluonlab.config.schema import RUN_SETTINGS, Config
from gluonlab.section import OneOf, Section, choice_of, within_sentence

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

HEAD = """# Configuration keys

A recipe is a YAML file; `extends: other.yaml`, or `extends: recipe:cifar10/resnet20` for one that ships with
gluonlab, takes over what it does not say. Any key can be set on the command line as `section.key=value`, and
`null` unsets one. Unknown keys are refused. This page is generated from the schema:
`python -m gluonlab.config.reference > docs/configuration.md`.
"""


class Row(NamedTuple):
    """A key of a table: ``of`` are the sections that have it, where others that may be chosen do not."""

    key: str
    field: FieldInfo
    of: tuple[str, ...] = ()


def render_reference() -> str:
    """The page, as Markdown."""
    recipe = {name: field for name, field in Config.model_fields.items() if name not in RUN_SETTINGS}
    settings = {name: Config.model_fields[name] for name in RUN_SETTINGS}
    parts = [HEAD]
    parts.append(_table("The recipe", [Row(n, f) for n, f in recipe.items() if not _section_of(f)]))
    parts += _tables(recipe)
    parts.append(_table("Run settings: not part of the recipe", [Row(*item) for item in settings.items()]))
    return "\n".join(parts)


def _tables(fields: Mapping[str, FieldInfo], outer: str = "") -> Iterator[str]:
    """A table for each section among ``fields``, and for those within it."""
    for name, field in fields.items():
        section, choice = _section_of(field), choice_of(field)
        if section:
            prefix = outer + (f"{name}[]" if get_origin(field.annotation) is list else name)
            rows = [Row(*item) for item in section.model_fields.items()]
            yield _table(
                f"`{outer}{name}`: {_title(section)}", _rows(choice) if choice else rows, f"{prefix}."
            )
            inner = [section] if choice is None else choice.sections.values()
            if section is not Phase:  # whose sections are those of the recipe
                yield from _tables({k: f for one in inner for k, f in one.model_fields.items()}, f"{prefix}.")


def _title(section: type[Section]) -> str:
    title = (section.__doc__ or "").split("\n")[0].rstrip(".")
    return within_sentence(title)


def _rows(choice: OneOf) -> Iterator[Row]:
    """The names, the keys that all sections share, and those of some; once where they are the same."""
    sections = choice.sections
    told = "; ".join(
        f"`{name}`: {(one.__doc__ or '').splitlines()[0].rstrip('.')}" for name, one in sections.items()
    )
    default = PydanticUndefined if choice.default is None else choice.default
    names: Any = Literal[tuple(sections)]
    yield Row("name", FieldInfo(annotation=names, default=default, description=told))
    users: dict[tuple[str, str], list[str]] = {}
    fields = {}
    for name, section in sections.items():
        for key, field in section.model_fields.items():
            if key != "name":
                users.setdefault((key, repr(field)), []).append(name)
                fields[key, repr(field)] = field
    for place in sorted(fields, key=lambda place: len(users[place]) < len(sections)):
        of = () if len(users[place]) == len(sections) else tuple(users[place])
        yield Row(place[0], fields[place], of)


def _table(title: str, rows: Iterable[Row], prefix: str = "") -> str:
    lines = [f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|"]
    for key, field, of in rows:
        limits = ", ".join(_limits(field))
        meaning = (field.description or "").rstrip(".") + (f" ({limits})" if limits else "")
        if of:
            meaning = f"{', '.join(of)}: {within_sentence(meaning)}"
        meaning = meaning.replace("|", "\\|")
        lines.append(f"| `{prefix}{key}` | {_type_name(field.annotation)} | {_default(field)} | {meaning} |")
    return "\n".join([*lines, ""])


def _section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a field holds, or holds a list of."""
    annotation = get_args(field.annotation)[0] if get_origin(field.annotation) is list else field.annotation
    return annotation if _is_section(annotation) else None


def _is_section(annotation: Any) -> TypeGuard[type[Section]]:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else "empty"
    if field.default is None or isinstance(field.default, Section):
        return ""
    shown = str(field.default).lower() if isinstance(field.default, bool) else field.default
    return f"`{shown}`" if shown != "" else ""


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if _is_section(annotation):
        return "keys"
    if origin is Annotated:
        return _type_name(arguments[0])
    if origin is Literal:
        return " \\| ".join(f"`{value}`" for value in arguments)
    if origin is Union:
        return " or ".join(_type_name(one) for one in arguments if one is not type(None))
    if origin in (list, dict):
        kind = "list" if origin is list else "map"
        return f"{kind} of {_type_name(arguments[-1])}"
    return {str: "text", int: "integer", float: "number", bool: "true/false"}.get(annotation, str(annotation))


def _limits(field: FieldInfo) -> Iterator[str]:
    for limit in field.metadata:
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤")):
            if hasattr(limit, name):
                bound = getattr(limit, name)
                yield f"{sign} {bound:,}" if isinstance(bound, int) else f"{sign} {bound:g}"


if __name__ == "__main__":
    print(render_reference(), end="")
