"""From a recipe file and ``key=value`` overrides to a checked `Config`.

Every problem is collected and told at once, each with the file or override it comes from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gluonlab.config.problems import find_problems
from gluonlab.config.recipe_file import parse_value, read_recipe
from gluonlab.config.schema import Config
from gluonlab.errors import ConfigError, Problem

Tree = dict[str, Any]


def load_config(path: Path, overrides: Sequence[str] = ()) -> Config:
    """Read the recipe ``path`` with what it extends, apply ``section.key=value`` overrides, check.

    Raises:
        ConfigError: with every problem found.
    """
    tree, origins = load_tree(path)
    return check_config(tree, str(path), overrides, origins)


def check_config(
    tree: Tree, where: str, overrides: Sequence[str] = (), origins: Mapping[str, str] | None = None
) -> Config:
    """``tree`` with ``overrides`` applied, checked against the schema; ``where`` it comes from is told.

    Raises:
        ConfigError: with every problem found.
    """
    origins = dict(origins or {})
    problems = []
    for override in overrides:
        problem = _apply_override(tree, origins, override)
        if problem:
            problems.append(problem)
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        problems += find_problems(error, Config, where, origins)
    if problems:
        raise ConfigError.from_problems(problems)
    return config


def load_tree(path: Path, seen: tuple[Path, ...] = ()) -> tuple[Tree, dict[str, str]]:
    """The recipe merged over what it ``extends``, and for each dotted key the file that set it."""
    resolved = path.resolve()
    if resolved in seen:
        raise ConfigError(
            "CFG18", str(path), "extends itself", f"chain: {' -> '.join(p.name for p in (*seen, path))}"
        )
    tree = read_recipe(path)
    base = tree.pop("extends", None)
    origins = {key: str(path) for key in _dotted_keys(tree)}
    if base is None:
        return tree, origins
    if not isinstance(base, str):
        raise ConfigError("CFG06", f"{path}: extends", f"expected a file name, got {base!r}")
    below, below_origins = load_tree(path.parent / base, (*seen, resolved))
    return _merge(below, tree), {**below_origins, **origins}


def _merge(below: Tree, above: Tree) -> Tree:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _dotted_keys(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _dotted_keys(value, f"{prefix}{key}.")


def _apply_override(tree: Tree, origins: dict[str, str], override: str) -> Problem | None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        return Problem("CFG15", f"override {override!r}", "is not of the form section.key=value")
    try:
        value = parse_value(text)
    except ValueError as error:
        return Problem("CFG15", f"override {override!r}", f"cannot read the value: {error}")
    if value is None and not text.strip():
        return Problem("CFG15", f"override {override!r}", "has no value", f"write {key}=null to unset it")
    *sections, last = key.split(".")
    node = tree
    for depth, section in enumerate(sections):
        if section not in node:
            origins[".".join(sections[: depth + 1])] = "command line"
        child = node.setdefault(section, {})
        if not isinstance(child, dict):
            return Problem("CFG15", f"override {override!r}", f"{section!r} is not a section")
        node = child
    if isinstance(node.get(last), dict):
        return Problem(
            "CFG15", f"override {override!r}", f"{key!r} is a section", "override its keys one by one"
        )
    node[last] = value
    origins[key] = "command line"
    return None
