"""The reference of all configuration keys, made from the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gluonlab.config.phases import Phase
from gluonlab.config.schema import RUN_SETTINGS, Config
from gluonlab.config.sections import Section

if TYPE_CHECKING:
    from typing_extensions import TypeGuard

HEAD = """# Configuration keys

A recipe is a YAML file; `extends: other.yaml`, or `extends: recipe:cifar10/resnet20` for one that ships with
gluonlab, takes over what it does not say. Any key can be set on the command line as `section.key=value`, and
`null` unsets one. Unknown keys are refused. This page is generated from the schema:
`python -m gluonlab.config.reference > docs/configuration.md`.
"""


def render_reference() -> str:
    """The page, as Markdown."""
    recipe = {name: field for name, field in Config.model_fields.items() if name not in RUN_SETTINGS}
    settings = {name: Config.model_fields[name] for name in RUN_SETTINGS}
    parts = [HEAD]
    parts.append(_table("The recipe", {n: f for n, f in recipe.items() if not _section_of(f)}))
    for name, field in recipe.items():
        section = _section_of(field)
        if section:
            title = (section.__doc__ or "").split("\n")[0].rstrip(".").lower()
            prefix = f"{name}[]" if get_origin(field.annotation) is list else name
            parts.append(_table(f"`{name}`: {title}", section.model_fields, prefix))
            if section is not Phase:  # whose sections are those of the recipe
                parts += _nested_tables(section, prefix)
    parts.append(_table("Run settings: not part of the recipe", settings))
    return "\n".join(parts)


def _nested_tables(outer: type[Section], prefix: str) -> Iterator[str]:
    for name, field in outer.model_fields.items():
        section = _section_of(field)
        if section:
            title = (section.__doc__ or "").split("\n")[0].rstrip(".").lower()
            yield _table(f"`{prefix}.{name}`: {title}", section.model_fields, f"{prefix}.{name}")


def _table(title: str, fields: dict[str, FieldInfo], prefix: str = "") -> str:
    lines = [f"## {title}", "", "| key | type | default | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        key = f"{prefix}.{name}" if prefix else name
        limits = ", ".join(_limits(field))
        meaning = (field.description or "").rstrip(".") + (f" ({limits})" if limits else "")
        meaning = meaning.replace("|", "\\|")
        lines.append(f"| `{key}` | {_type_name(field.annotation)} | {_default(field)} | {meaning} |")
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
