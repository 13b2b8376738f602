"""From a recipe file and ``key=value`` overrides to a checked `Config`.

Every problem is collected and told at once, each with the file or override it comes from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from gluonlab.config.problems import find_problems
from gluonlab.config.recipe_file import parse_value
from gluonlab.config.schema import Config
from gluonlab.config.tree import Tree, load_tree
from gluonlab.errors import ConfigError, Problem
from gluonlab.section import choice_of


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


def check_saved(tree: Tree, where: str, overrides: Sequence[str] = ()) -> Config:
    """`check_config` of what a run has saved, perhaps of an earlier version, to which all data keys were one.

    Raises:
        ConfigError: with every problem found.
    """
    choice = choice_of(Config.model_fields["data"])
    assert choice is not None, "data is one of several sections"
    return check_config({**tree, "data": choice.without_unused(tree.get("data"))}, where, overrides)


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
