"""``gluonlab recipes``: what comes with gluonlab, and how two recipes differ."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.cli.output import JSON_OPTION, check_json_target, echo_table, write_json
from gluonlab.commands import gluonlab_command
from gluonlab.config.recipe_file import read_recipe
from gluonlab.config.tree import extended, load_tree, merge
from gluonlab.disk import reading, writing
from gluonlab.errors import CheckpointError
from gluonlab.shipped import PREFIX, find_recipe, is_recipe, recipe_names

RECIPE = typer.Argument(..., metavar="RECIPE", help="A name that `gluonlab recipes list` shows, or a file.")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="The recipes that ship: list, show, copy, diff.",
)


@app.command("list")
def list_(
    pattern: str = typer.Argument("*", help="Shell pattern that names must match."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """List the recipes. Train one with `gluonlab train recipe:NAME`.

    Example: gluonlab recipes list "imagenet/*lars*"
    """
    rows = [_facts(name) for name in recipe_names() if fnmatchcase(name, pattern)]
    if write_json(rows, json_target):
        return
    header = ("name", "network", "batch", "worker batch", "epochs", "optimizer", "top-1")
    echo_table(
        header,
        [
            (
                row["name"],
                row["model"],
                row["global_batch_size"],
                row["worker_batch_size"],
                row["epochs"],
                row["optimizer"],
                "" if row["top1"] is None else f"{row['top1']:.2%}",
            )
            for row in rows
        ],
        empty=f"no recipe matches {pattern!r}; {gluonlab_command('recipes', 'list')} shows all",
    )


@app.command()
def show(
    recipe: str = RECIPE,
    resolved: bool = typer.Option(
        False, "--resolved", help="Every key with its value, those of extended recipes and defaults too."
    ),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Print a recipe, or with --resolved every key and its value.

    Example: gluonlab recipes show imagenet/resnet50_goyal_8k
    """
    check_json_target(json_target)
    if not resolved and json_target is None:
        file = find_recipe(_as_recipe(recipe))
        read_recipe(file)  # says what is wrong with a file that is no recipe
        with reading(file):
            typer.echo(file.read_text(encoding="utf-8"), nl=False)
        return
    tree = _whole(recipe) if resolved else load_tree(_as_recipe(recipe))[0]
    if not write_json(tree, json_target):
        import yaml

        typer.echo(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110), nl=False)


@app.command("copy")
def copy_(
    recipe: str = RECIPE,
    target: Optional[Path] = typer.Argument(
        None, metavar="[FILE]", help="File to write; by default NAME.yaml in this folder."
    ),
) -> None:
    """Copy a recipe, to change it. What it extends is still found.

    Example: gluonlab recipes copy imagenet/resnet50_goyal_8k mine.yaml
    """
    given = _as_recipe(recipe)
    file = find_recipe(given)
    target = target or Path(file.name)
    text = _with_findable_base(given, file)
    with writing(target):
        try:
            with target.open("x", encoding="utf-8") as copied:
                copied.write(text)
        except FileExistsError:
            raise CheckpointError(
                "CKP01", str(target), "is there already", "name another file, or remove it"
            ) from None
    typer.echo(f"{target}: a copy of {given}; next: {gluonlab_command('train', target, '--dry-run')}")


@app.command()
def diff(
    one: str = RECIPE,
    other: str = typer.Argument(..., metavar="RECIPE", help="Another one."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Show the keys in which two recipes differ, defaults included. The section `about` is left out.

    Example: gluonlab recipes diff imagenet/resnet50_goyal_8k imagenet/resnet50_lars_you_8k
    """
    check_json_target(json_target)
    left, right = (dict(_flat(_whole(recipe))) for recipe in (one, other))
    rows = [
        {"key": key, "one": left.get(key), "other": right.get(key)}
        for key in dict.fromkeys([*left, *right])
        if (key in left, left.get(key)) != (key in right, right.get(key)) and not key.startswith("about.")
    ]
    if write_json(rows, json_target):
        return
    cells = [(row["key"], _shown(row["one"]), _shown(row["other"])) for row in rows]
    echo_table(("key", one, other), cells, empty="no difference: both make the same run")


def _facts(name: str) -> dict[str, Any]:
    """What a table needs of a shipped recipe, without the schema and its defaults, which take longer."""
    tree = _shipped_tree(find_recipe(Path(PREFIX + name)))
    about = tree.get("about", {})
    return {
        "name": name,
        "model": tree["model"]["name"],
        "global_batch_size": tree["global_batch_size"],
        "worker_batch_size": tree.get("worker_batch_size", tree["global_batch_size"]),
        "epochs": tree["epochs"],
        "optimizer": tree.get("optimizer", {}).get("name", "sgd"),
        "top1": about.get("expects", {}).get("top1"),
        "paper": about.get("paper", ""),
    }


def _shipped_tree(file: Path) -> dict[str, Any]:
    """As `load_tree`, by the parser in C where PyYAML has it: our own files are strict already."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with reading(file):
        tree: dict[str, Any] = yaml.load(file.read_bytes(), Loader=loader)
    base = tree.pop("extends", None)
    return merge(_shipped_tree(extended(file, base)), tree) if base else tree


def _as_recipe(text: str) -> Path:
    return Path(text if is_recipe(text) else PREFIX + text)


def _whole(recipe: str) -> dict[str, Any]:
    from gluonlab.config import load_config

    return load_config(_as_recipe(recipe)).model_dump(mode="json")


def _flat(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _with_findable_base(recipe: Path, file: Path) -> str:
    """The text of ``recipe``, whose base is named so that it is found from any folder."""
    base = read_recipe(file).get("extends")
    with reading(file):
        text = file.read_text(encoding="utf-8")
    if not isinstance(base, str) or base.startswith(PREFIX):
        return text
    found = (Path(str(recipe)[len(PREFIX) :]).parent / base).with_suffix("") if file != recipe else None
    name = f"{PREFIX}{found}" if found else str((file.parent / base).resolve())
    return text.replace(f"extends: {base}", f"extends: {name}", 1)
