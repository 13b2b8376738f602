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

| question | command | result | page |
|---|---|---|---|
"""
TAIL = """
Not in the table is what the others are made of: {parts}.
"""


def render_index() -> str:
    """One row for each script whose docstring has a command."""
    rows, parts = [], []
    for path in sorted(FOLDER.glob("*.py")):
        about = ast.get_docstring(ast.parse(path.read_text())) or ""
        question = " ".join(about.split("\n\n")[0].split()).replace("|", "\\|")
        commands = re.findall(rf"^python3? .*{path.stem}.*$", about.replace("\\\n", " "), flags=re.MULTILINE)
        if not commands:
            parts.append(f"`{path.name}`")
            continue
        command = " ".join(commands[0].split("  #")[0].split())
        results = [each.rstrip(".") for each in re.findall(r"benchmarks/(results/[\w/.]+)", about)]
        links = ", ".join(f"[{Path(each).name}]({each})" for each in dict.fromkeys(results))
        rows.append(f"| {question} | `{command}` | {links} | {', '.join(_pages(path.name, results))} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL.format(parts=", ".join(parts))


def _pages(script: str, results: list[str]) -> list[str]:
    """Links to the pages that name the script or a result of it."""
    texts = {path.name: path.read_text() for path in sorted((FOLDER.parent / "docs").glob("*.md"))}
    names = [f"benchmarks/{script}", f"benchmarks.{Path(script).stem} ", *results]
    found = [page for page, text in texts.items() if any(name in text for name in names)]
    return [f"[{page}](../docs/{page})" for page in found]
