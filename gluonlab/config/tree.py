"""A recipe file merged over what it ``extends``, as plain values; nothing is checked here but the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gluonlab.config.recipe_file import read_recipe
from gluonlab.errors import ConfigError
from gluonlab.shipped import PREFIX, find_recipe

Tree = dict[str, Any]


def load_tree(path: Path, seen: tuple[Path, ...] = ()) -> tuple[Tree, dict[str, str]]:
    """The recipe merged over what it ``extends``, and for each dotted key the file that set it."""
    file = find_recipe(path)
    resolved = file.resolve()
    if resolved in seen:
        raise ConfigError(
            "CFG18", str(path), "extends itself", f"chain: {' -> '.join(p.name for p in (*seen, path))}"
        )
    tree = read_recipe(file)
    base = tree.pop("extends", None)
    origins = {key: str(path) for key in _dotted_keys(tree)}
    if base is None:
        return tree, origins
    if not isinstance(base, str):
        raise ConfigError("CFG06", f"{path}: extends", f"expected a file name, got {base!r}")
    below, below_origins = load_tree(extended(file, base), (*seen, resolved))
    return merge(below, tree), {**below_origins, **origins}


def extended(file: Path, base: str) -> Path:
    """What ``file`` means by ``extends: base``: a recipe by its name, or a file beside it."""
    return Path(base) if base.startswith(PREFIX) else file.parent / base


def merge(below: Tree, above: Tree) -> Tree:
    """``above`` over ``below``, section by section."""
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def _dotted_keys(tree: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in tree.items():
        yield f"{prefix}{key}"
        if isinstance(value, dict):
            yield from _dotted_keys(value, f"{prefix}{key}.")
