"""Every page and picture that is generated: written, or with --check only compared.

python -m benchmarks.pages           # write them
python -m benchmarks.pages --check   # name those that are stale; ends with 1 if there are any
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks/results"
sys.path.insert(0, str(ROOT / "benchmarks"))  # the scripts import each other by their names

import installation  # noqa: E402
import model_table  # noqa: E402
import simulate_validation  # noqa: E402
from bench_tables import BENCH, pictures  # noqa: E402
from bench_tables import SECTIONS as BENCH_SECTIONS  # noqa: E402
from data_tables import DATA_SECTIONS  # noqa: E402
from fault_table import FAULT_SECTIONS  # noqa: E402
from index_page import render_index  # noqa: E402
from peers_table import PEERS_SECTIONS  # noqa: E402
from python_tables import PYTHON_SECTIONS  # noqa: E402
from readme_table import README_SECTIONS  # noqa: E402
from recipe_table import render_recipes  # noqa: E402
from simulate_here import HERE_SECTIONS  # noqa: E402
from tables import (  # noqa: E402
    COMPARISON_SECTIONS,
    PICTURES,
    STUDY_SECTIONS,
    Sections,
    fill_in,
    render_accuracy,
)
from technique_tables import TECHNIQUE_SECTIONS  # noqa: E402
from watch_page import WATCH_SECTIONS  # noqa: E402
from weight_tables import SECTIONS as WEIGHT_SECTIONS  # noqa: E402

from gluonlab.config.reference import render_reference  # noqa: E402

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
    ("docs/simulate.md", HERE_SECTIONS, RESULTS),
    ("docs/techniques.md", TECHNIQUE_SECTIONS, RESULTS),
    ("docs/watch.md", WATCH_SECTIONS, RESULTS),
    ("docs/weights.md", WEIGHT_SECTIONS, RESULTS),
]
"""Pages whose tables stand between markers, what fills them, and from where."""


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
    validation = json.loads(simulate_validation.RESULT.read_text())
    texts["docs/simulate.md"] = simulate_validation.fill_in(texts["docs/simulate.md"], validation)
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
