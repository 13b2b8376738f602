"""Every page and picture that is generated: written, or with --check only compared.

python -m benchmarks.pages           # write them
python -m benchmarks.pages --check   # name those that are stale; ends with 1 if there are any
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.comparisons_page import COMPARISON_SECTIONS
from benchmarks.data.tables import DATA_SECTIONS
from benchmarks.index_page import render_index
from benchmarks.machines import installation
from benchmarks.machines.python_tables import PYTHON_SECTIONS
from benchmarks.models import model_table
from benchmarks.models.weight_tables import SECTIONS as WEIGHT_SECTIONS
from benchmarks.readme_table import README_SECTIONS
from benchmarks.reliability.fault_table import FAULT_SECTIONS
from benchmarks.reliability.killed_runs import KILLED_SECTIONS
from benchmarks.simulator import validation
from benchmarks.simulator.this_machine import HERE_SECTIONS
from benchmarks.speed.bench_tables import BENCH, pictures
from benchmarks.speed.bench_tables import SECTIONS as BENCH_SECTIONS
from benchmarks.speed.peers_table import PEERS_SECTIONS
from benchmarks.tables import ROOT, Sections, fill_in
from benchmarks.training.accuracy import draw_quickstart, render_accuracy
from benchmarks.training.recipe_table import render_recipes
from benchmarks.training.study_tables import STUDY_SECTIONS, draw_study
from benchmarks.training.technique_tables import TECHNIQUE_SECTIONS
from benchmarks.watching.watch_page import WATCH_SECTIONS
from gluonlab.config.reference import render_reference

RESULTS = ROOT / "benchmarks/results"

FILLED: list[tuple[str, Sections, Path]] = [
    ("README.md", README_SECTIONS, RESULTS),
    ("docs/recipes.md", {"results": render_accuracy, "recipes": render_recipes}, RESULTS),
    ("docs/large_batches.md", STUDY_SECTIONS, RESULTS),
    ("docs/comparisons.md", COMPARISON_SECTIONS, RESULTS),
    ("docs/benchmarks.md", PEERS_SECTIONS, RESULTS),
    ("docs/benchmarks.md", BENCH_SECTIONS, ROOT / BENCH),
    ("docs/data.md", DATA_SECTIONS, RESULTS),
    ("docs/python.md", PYTHON_SECTIONS, RESULTS),
    ("docs/reliability.md", FAULT_SECTIONS, RESULTS),
    ("docs/reliability.md", KILLED_SECTIONS, RESULTS),
    ("docs/simulate.md", HERE_SECTIONS, RESULTS),
    ("docs/techniques.md", TECHNIQUE_SECTIONS, RESULTS),
    ("docs/watch.md", WATCH_SECTIONS, RESULTS),
    ("docs/weights.md", WEIGHT_SECTIONS, RESULTS),
]
"""Pages whose tables stand between markers, what fills them, and from where."""
PICTURES: dict[str, Callable[[Path], str]] = {
    "docs/quickstart.svg": lambda results: draw_quickstart(results / "digits.json"),
    "docs/large_batches.svg": draw_study,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    is_check = parser.parse_args().check
    stale = [name for name, text in {**pages(), **drawn()}.items() if (ROOT / name).read_text() != text]
    for name in stale:
        print(f"stale: {name}" if is_check else f"written: {name}")
    if is_check:
        sys.exit(1 if stale else 0)
    for name, text in {**pages(), **drawn()}.items():
        (ROOT / name).write_text(text)


def pages() -> dict[str, str]:
    """Each generated page, or page with generated tables, as it should be."""
    texts = {name: (ROOT / name).read_text() for name, _, _ in FILLED}
    for name, sections, results in FILLED:
        missing = [section for section in sections if f"<!-- {section} -->" not in texts[name]]
        if missing:
            sys.exit(f"{name} has no place for {', '.join(missing)}")
        texts[name] = fill_in(texts[name], results, sections)
    texts["docs/simulate.md"] = validation.fill_in(
        texts["docs/simulate.md"], json.loads(validation.RESULT.read_text())
    )
    texts["docs/gpu.md"] = installation.fill_in(installation.PAGE.read_text())
    texts["docs/models.md"] = model_table.render(model_table.RESULT, model_table.PUBLISHED)
    texts["docs/configuration.md"] = render_reference()
    texts["benchmarks/README.md"] = render_index()
    return texts


def drawn() -> dict[str, str]:
    """Each picture; Matplotlib of another version places things otherwise."""
    return {**{name: draw(RESULTS) for name, draw in PICTURES.items()}, **pictures(ROOT / BENCH)}


if __name__ == "__main__":
    main()
