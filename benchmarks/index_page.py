"""benchmarks/README.md, from the docstrings of the benchmarks and from the pages that show their results."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = """# Benchmarks

Each script answers one question, writes one result file (or a folder of them) below `benchmarks/results`,
and has its figures on a page. `python -m benchmarks.pages` writes all pages from the result files, this one
too; `--check` names those that are stale. Run a measurement alone on an idle machine, from the root of the
repository; the head of each script says how long it takes and what it needs.
"""
FOLDERS = {
    "speed": "How fast is training, and what does each part of it cost?",
    "training": "What accuracy comes out, at which batch, and is it the same run?",
    "data": "How fast do images become batches, and are they what the recipe's source made of them?",
    "models": "How fast are the networks, and what do other number formats and files cost?",
    "simulator": "Are the simulator's predictions true?",
    "reliability": "What does a run survive? The faults are tests that write the rows of the table in "
    "[reliability.md](../docs/reliability.md):\n`GLUONLAB_FAULT_TABLE=benchmarks/results/faults/all.json "
    "pytest -m faults tests/faults`. What a checkpoint costs is measured\nunder *speed*.",
    "watching": "What does it cost to be looked at?",
    "machines": "Where does it install and run?",
}
"""The question of each folder, in the order of the page."""


def render_index() -> str:
    """A table for each folder, with a row for each script whose docstring has a command."""
    return HEAD + "".join(_folder(name, question) for name, question in FOLDERS.items())


def _folder(name: str, question: str) -> str:
    rows, parts = [], []
    for path in sorted((FOLDER / name).glob("*.py")):
        about = ast.get_docstring(ast.parse(path.read_text())) or ""
        asks = " ".join(about.split("\n\n")[0].split()).replace("|", "\\|")
        command = rf"^python3? -m benchmarks\.{name}\.{path.stem}\b.*$"
        commands = re.findall(command, about.replace("\\\n", " "), flags=re.MULTILINE)
        if not commands:
            parts.append(f"`{path.name}`")
            continue
        shown = " ".join(commands[0].split("  #")[0].split())
        results = [each.rstrip(".") for each in re.findall(r"benchmarks/(results/[\w/.]+)", about)]
        links = ", ".join(f"[{Path(each).name}]({each})" for each in dict.fromkeys(results))
        rows.append(f"| {asks} | `{shown}` | {links} | {', '.join(_pages(name, path.stem, results))} |")
    table = ["| question | command | result | page |", "|---|---|---|---|", *rows, ""] if rows else []
    of = "the scripts above, or of pages" if rows else "pages"
    others = [f"Parts of {of}: {', '.join(parts)}.", ""] if parts else []
    return "\n".join(["", f"## {name}", "", question, "", *table, *others])


def _pages(folder: str, script: str, results: list[str]) -> list[str]:
    """Links to the pages that name the script or a result of it."""
    texts = {path.name: path.read_text() for path in sorted((FOLDER.parent / "docs").glob("*.md"))}
    names = [f"benchmarks/{folder}/{script}.py", f"benchmarks.{folder}.{script}", *results]
    found = [page for page, text in texts.items() if any(name in text for name in names)]
    return [f"[{page}](../docs/{page})" for page in found]
