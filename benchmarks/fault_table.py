"""The table of faults in docs/reliability.md, from the result files that the tests wrote.

python -m benchmarks.fault_table        # writes it into the page
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE, RESULTS = ROOT / "docs/reliability.md", ROOT / "benchmarks/results/faults"
BEGIN, END = "<!-- faults -->", "<!-- /faults -->"


def render(results: Path = RESULTS) -> str:
    """The table as Markdown, one row for each fault, by promise."""
    lines = ["| promise | fault | what happened | seconds | nothing lost |", "|---|---|---|--:|---|"]
    made = []
    for path in sorted(results.glob("*.json")):
        document = json.loads(path.read_text())
        made.append(f"[{path.name}](../benchmarks/results/faults/{path.name}): {_conditions(document)}")
        for row in document["rows"]:
            happened = row["happened"].replace("|", "\\|")
            cells = (row["promise"], row["fault"], happened, f"{row['seconds']:.1f}", row["nothing_lost"])
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *made])


def fill_in(page: str, results: Path = RESULTS) -> str:
    """``page`` with today's table between the markers."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{render(results)}\n{END}{rest.split(END)[1]}"


def _conditions(document: dict[str, object]) -> str:
    hardware = document["hardware"]
    assert isinstance(hardware, dict), "written by the tests"
    machine = f"{hardware['cores']} cores of {hardware['processor']}"
    return f"{document['date']}, {machine}, Python {document['python']}."


if __name__ == "__main__":
    PAGE.write_text(fill_in(PAGE.read_text()))
    sys.exit(0)
