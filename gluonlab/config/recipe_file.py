"""Strict YAML: no tags, no duplicate keys, no aliases, bounded size; ``1e-4`` is a number."""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import yaml

from gluonlab.errors import ConfigError
from gluonlab.shipped import nearest_recipes

MAX_BYTES = 1 << 20


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses aliases and repeated keys, and reads numbers as YAML 1.2 does."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # type: ignore[no-untyped-call]
            # Aliases can blow a small file up to gigabytes.
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)  # type: ignore[no-untyped-call]
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} is not text", key_node.start_mark
                )
            if key in lines:
                problem = f"key {key!r} is given twice (lines {lines[key]} and {line})"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            lines[key] = line
        return super().construct_mapping(node, deep)


_StrictLoader.add_implicit_resolver(  # type: ignore[no-untyped-call]
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def read_recipe(path: Path) -> dict[str, Any]:
    """The mapping in the YAML file ``path``.

    Raises:
        ConfigError: CFG01 unreadable, CFG02 syntax, CFG03 not a mapping, CFG05 a key given twice,
            CFG14 tag, alias or size not allowed.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            "CFG01", str(path), f"cannot read: {error.strerror}", _known_recipes(path)
        ) from None
    if len(raw) > MAX_BYTES:
        raise ConfigError("CFG14", str(path), f"larger than {MAX_BYTES} bytes")
    try:
        value = _load(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ConfigError("CFG02", str(path), f"not UTF-8: {error.reason} at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(path, error) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError("CFG02", str(path), f"not YAML: {error}") from None
    if not isinstance(value, dict):
        found = "empty" if value is None else type(value).__name__
        raise ConfigError("CFG03", str(path), f"expected a mapping of keys, got {found}")
    return value


def parse_value(text: str) -> Any:
    """The value of an override: a YAML scalar, or a list such as ``[30, 60]``.

    Raises:
        ValueError: if it is not YAML, or a mapping.
    """
    try:
        value = _load(text)
    except yaml.YAMLError as error:
        raise ValueError(getattr(error, "problem", None) or str(error)) from None
    if isinstance(value, dict):
        raise ValueError("a mapping is not allowed here")
    return value


def override(key: str, value: str) -> str:
    """``key=value`` for the command line; a text that YAML would take for something else is quoted."""
    try:
        is_plain = parse_value(value) == value
    except ValueError:
        is_plain = False
    return f"{key}={value}" if is_plain else f"{key}={json.dumps(value, ensure_ascii=False)}"


def _load(text: str) -> Any:
    loader = _StrictLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()  # type: ignore[no-untyped-call]


def _yaml_error(path: Path, error: yaml.MarkedYAMLError) -> ConfigError:
    mark = error.problem_mark
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
    problem = error.problem or "syntax error"
    if "given twice" in problem:
        return ConfigError("CFG05", where, problem)
    if "could not determine a constructor for the tag" in problem:
        tag = problem.rsplit(" ", 1)[-1]
        return ConfigError("CFG14", where, f"tag {tag} is not allowed", "recipes hold plain values only")
    if "aliases" in problem:
        return ConfigError("CFG14", where, problem, "recipes hold plain values only")
    return ConfigError("CFG02", where, problem)


def _known_recipes(path: Path) -> str:
    """The recipes beside ``path``, those with a like name first, and what gluonlab ships."""
    beside = sorted(
        path.parent.glob("*.yaml"),
        key=lambda recipe: (-SequenceMatcher(None, recipe.stem, path.stem).ratio(), str(recipe)),
    )
    here = f"recipes here: {', '.join(map(str, beside[:3]))}; " if beside else ""
    return f"{here}shipped with gluonlab: {', '.join(nearest_recipes(path.stem))}"
