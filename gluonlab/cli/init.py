"""``gluonlab init``: a folder to start from, for images of one's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Optional

import typer

from gluonlab.disk import make_folder, reading, writing
from gluonlab.errors import CheckpointError, DataError
from gluonlab.shipped import find_recipe

TEMPLATE = Path("recipe:own_images")
README = Path(__file__).with_name("starter.md")


def init(
    folder: Path = typer.Argument(..., metavar="FOLDER", help="New folder for the recipe and its runs."),
    images: Optional[Path] = typer.Option(
        None,
        "--images",
        metavar="DIR",
        help="Your images, in train/CLASS/ and val/CLASS/ of it; by default images/ in the new folder.",
    ),
) -> None:
    """Make a folder to train on your own images. In it are a recipe, a place for the images, a README.

    Example: gluonlab init flowers --images ~/flowers
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise CheckpointError("CKP01", str(folder), "is there already and not empty", "name a new folder")
    recipe = _recipe(images)
    for part in ("train", "val") if images is None else ():
        make_folder(folder / "images" / part)
    make_folder(folder)
    with reading(README):
        readme = README.read_text(encoding="utf-8")
    for name, text in (("recipe.yaml", recipe), ("README.md", readme)):
        with writing(folder / name):
            (folder / name).write_text(text, encoding="utf-8")
    typer.echo(f"{folder}: recipe.yaml and README.md, which says how to go on")


def _recipe(images: Optional[Path]) -> str:
    """The template, with the folders and the number of classes of ``images`` where they are known."""
    template = find_recipe(TEMPLATE)
    with reading(template):
        title, _, *lines = template.read_text(
            encoding="utf-8"
        ).splitlines()  # the second line says how to get here
    text = "\n".join([title, *lines, ""])
    if images is None:
        return text
    for part in ("train", "val"):
        place = (images / part).resolve()
        if not place.is_dir():
            raise DataError("DAT01", str(images / part), "no such folder", "it holds one folder per class")
        text = _set(text, part, json.dumps(str(place), ensure_ascii=False))
    classes = [each for each in (images / "train").iterdir() if each.is_dir() and each.name[0] != "."]
    if len(classes) < 2:
        raise DataError(
            "DAT01", str(images / "train"), f"{len(classes)} class folders", "at least two are needed"
        )
    return _set(text, "classes", str(len(classes)))


def _set(text: str, key: str, value: str) -> str:
    """``text`` with another value of a key of its data section, and the comment behind it left out."""
    lines = [f"  {key}: {value}" if line.startswith(f"  {key}: ") else line for line in text.splitlines()]
    return "\n".join(lines) + "\n"
