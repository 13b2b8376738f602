"""The map of the code: every file that docs/architecture.md leads to is there."""

import re

import pytest

ENDING = re.compile(r"[\w./-]+(/|\.py|\.yaml|\.md|\.json|\.sh)")
NOT_IN_THE_SOURCE = re.compile(
    r"^(config|state|summary|error|MANIFEST)\.json$|^(before-1|checkpoints|tensorboard|logs)/"
)


def named_paths(text):
    """What stands in backquotes in a table and looks like a file or a folder of the project."""
    rows = [line for line in text.splitlines() if line.startswith("|")]
    names = [name for row in rows for name in re.findall(r"`([^`\s]+)`", row)]
    return sorted({name for name in names if ENDING.fullmatch(name)})


def test_every_path_in_its_tables_exists(root):
    text = (root / "docs/architecture.md").read_text()
    paths = [path for path in named_paths(text) if not NOT_IN_THE_SOURCE.match(path)]
    assert len(paths) > 60, "the tables were not read"
    files = {path.name for path in (root / "gluonlab").rglob("*.py")}  # a row names those of its folder alone
    places = (root / "gluonlab", root)
    missing = [
        path for path in paths if path not in files and not any((place / path).exists() for place in places)
    ]
    assert missing == []


@pytest.mark.parametrize(
    "path",
    [
        "cli/main.py",
        "data/__init__.py",
        "losses/__init__.py",
        "models/catalogue/",
        "optim/__init__.py",
        "schedules/__init__.py",
    ],
)
def test_the_places_of_what_is_chosen_by_name_are_named(root, path):
    assert path in named_paths((root / "docs/architecture.md").read_text())
