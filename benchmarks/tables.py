"""Write the README's result table and picture from the files in benchmarks/results.

python benchmarks/tables.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from gluonlab.reporting.plots import curves_svg

ROOT = Path(__file__).parent.parent
README_TABLE = re.compile(r"<!-- results -->\n(.*?)<!-- /results -->", re.DOTALL)


def render_results(results: Path) -> str:
    """One row for each accuracy result, in the order of the file names."""
    lines = [
        "| recipe | epochs | processes | runs | top-1 (mean ± sd) | lowest | median time | result |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for path in sorted(results.glob("*.json")):
        result = json.loads(path.read_text())
        spread = f" ± {result['top1_std']:.2%}" if result["top1_std"] is not None else ""
        lines.append(
            f"| `{result['recipe']}` | {result['runs'][0]['epochs']:.0f} | {result['processes']} | "
            f"{len(result['runs'])} | {result['top1_mean']:.2%}{spread} | {result['top1_min']:.2%} | "
            f"{result['wall_seconds_median']:.0f} s | [{path.name}](benchmarks/results/{path.name}) |"
        )
    machine = result["machine"]
    lines += [
        "",
        f"Made on {machine['cores']} cores of {machine['processor']}, no GPU, by `benchmarks/accuracy.py`.",
    ]
    return "\n".join(lines) + "\n"


def render_picture(result_file: Path) -> str:
    """Top-1 on held-out images against the epoch, one curve for each seed, as SVG."""
    curves = {
        f"seed {run['seed']}": [
            (epoch, top1) for epoch, _, top1 in run["curves_epoch_loss_top1"]["validation"]
        ]
        for run in json.loads(result_file.read_text())["runs"]
    }
    return curves_svg(curves, "epoch", "top-1", title="Quick start, five seeds", is_percent=True)


def main() -> None:
    readme = ROOT / "README.md"
    table = f"<!-- results -->\n{render_results(ROOT / 'benchmarks/results')}<!-- /results -->"
    (ROOT / "docs/quickstart.svg").write_text(render_picture(ROOT / "benchmarks/results/digits.json"))
    readme.write_text(README_TABLE.sub(lambda _: table, readme.read_text()))


if __name__ == "__main__":
    main()
