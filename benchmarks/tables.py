"""Tables and pictures of docs/large_batches.md, docs/comparisons.md and more, from the result files.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Optional

from gluonlab.reporting.plots import curves_svg

ROOT = Path(__file__).parent.parent
CHANCE = 0.1
"""Top-1 of a network that knows nothing of CIFAR-10; what a run that was not finite counts as."""

Study = dict[str, dict[int, list[Optional[float]]]]

METHODS = {
    "unscaled": "rate not scaled",
    "linear": "linear",
    "linear+warmup": "linear + warm-up",
    "sqrt+warmup": "square root + warm-up",
    "lars+warmup": "LARS + warm-up",
}


def render_accuracy(results: Path) -> str:
    """One row for each result of benchmarks/accuracy.py, in the order of the file names."""
    lines = [
        "| recipe | epochs | processes | runs | top-1 (mean ± sd) | lowest | median time | result |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for path in sorted(results.glob("*.json")):
        result = json.loads(path.read_text())
        if "top1_mean" not in result:
            continue
        machine = result["machine"]
        spread = f" ± {result['top1_std']:.2%}" if result["top1_std"] is not None else ""
        lines.append(
            f"| `{result['recipe']}` | {result['runs'][0]['epochs']:.0f} | {result['processes']} | "
            f"{len(result['runs'])} | {result['top1_mean']:.2%}{spread} | {result['top1_min']:.2%} | "
            f"{result['wall_seconds_median']:.0f} s | [{path.name}](../benchmarks/results/{path.name}) |"
        )
    lines += [
        "",
        f"Made on {machine['cores']} cores of {machine['processor']}, no GPU, by `benchmarks/accuracy.py`.",
    ]
    return "\n".join(lines) + "\n"


def read_study(results: Path) -> Study:
    """Top-1 of each run (None: not finite) by method and batch, without the tuning runs.

    At the smallest batch scaling changes nothing, so what was run there without it stands for it as well.
    """
    top1: Study = defaultdict(lambda: defaultdict(list))
    for path in sorted((results / "large_batch_study").glob("*.json")):
        run = json.loads(path.read_text())
        if "-lr" not in path.stem:
            top1[run["method"]][run["global_batch_size"]].append(run["top1"])
    smallest = min(top1["unscaled"])
    for method, same in (("linear", "unscaled"), ("sqrt+warmup", "linear+warmup")):
        top1[method][smallest] = top1[same][smallest]
    return top1


def render_study(results: Path) -> str:
    """Mean and standard deviation of top-1 for each way to choose the rate and each batch."""
    study = read_study(results)
    batches = sorted({batch for runs in study.values() for batch in runs})
    lines = [
        "| learning rate | " + " | ".join(f"{batch:,}" for batch in batches) + " |",
        "|---|" + "--:|" * len(batches),
    ]
    for method, name in METHODS.items():
        cells = [_cell(study[method].get(batch, [])) for batch in batches]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    counts = {len(runs) for method in study.values() for runs in method.values()}
    runs = " or ".join(map(str, sorted(counts)))
    note = f"{runs} runs in each cell; a run whose loss was not finite counts as {CHANCE:.0%} and is marked."
    return "\n".join([*lines, "", note]) + "\n"


def _cell(top1: Sequence[Optional[float]]) -> str:
    if not top1:
        return ""
    values = _with_chance(top1)
    spread = f" ± {stdev(values) * 100:.1f}" if len(values) > 1 else ""
    failed = f" ({top1.count(None)} not finite)" if None in top1 else ""
    return f"{mean(values) * 100:.1f}{spread}{failed}"


def _with_chance(top1: Sequence[Optional[float]]) -> list[float]:
    return [CHANCE if value is None else value for value in top1]


def draw_study(results: Path) -> str:
    """Mean top-1 against the batch, one curve for each way to choose the rate, as SVG."""
    study = read_study(results)
    curves = {
        name: [(batch, mean(_with_chance(runs))) for batch, runs in sorted(study[method].items())]
        for method, name in METHODS.items()
    }
    return curves_svg(
        curves,
        "images per update",
        "top-1",
        title="CIFAR-10 after ten epochs",
        is_percent=True,
        is_log_x=True,
    )


def draw_quickstart(result_file: Path) -> str:
    """Top-1 on held-out images against the epoch, one curve for each seed, as SVG."""
    curves = {
        f"seed {run['seed']}": [
            (epoch, top1) for epoch, _, top1 in run["curves_epoch_loss_top1"]["validation"]
        ]
        for run in json.loads(result_file.read_text())["runs"]
    }
    return curves_svg(curves, "epoch", "top-1", title="Quick start, five seeds", is_percent=True)


def render_engine(results: Path) -> str:
    """What the engine costs, as ratios, and how equal runs are on other numbers of processes."""
    parts = {path.stem: json.loads(path.read_text()) for path in (results / "engine").glob("*.json")}
    same = parts["same_run"]
    rows = [
        ("one update on 1, 2 and 4 processes: largest relative difference of a tensor", _largest(same)),
        ("`deterministic: true`, 20 updates on 1, 2 and 4 processes, and moved between them", _bits(same)),
    ]
    for model, ratio in parts["accumulation"]["ratios"].items():
        rows.append(
            (f"time per image, 16 virtual workers on one process / plain training, {model}", f"{ratio:.2f}")
        )
    for name, ratio in parts["update"]["ratios"].items():
        rows.append((f"time of one update of ResNet-50's 161 tensors, {name}", f"{ratio:.2f}"))
    for name, ratio in parts["noise"]["ratios"].items():
        rows.append((f"time of an update with the gradient noise scale / without, {name}", f"{ratio:.3f}"))
    for name, ratio in parts["precision"]["ratios"].items():
        rows.append((f"ResNet-50 training at 224 px, {name} / float32", f"{ratio:.2f}"))
    return "\n".join(["| measured | result |", "|---|--:|", *(f"| {a} | {b} |" for a, b in rows)]) + "\n"


def render_simulate(results: Path) -> str:
    """How far predictions of the simulator are from published points."""
    summary = json.loads((results / "simulate/validation.json").read_text())["summary"]
    lines = ["| points | number | median error | 90th percentile |", "|---|--:|--:|--:|"]
    for group in list(summary)[:4]:
        for errors in summary[group].values():
            lines.append(
                f"| {group} | {errors['points']} | {errors['median']:.1%} | {errors['percentile_90']:.1%} |"
            )
    return "\n".join(lines) + "\n"


def render_others(results: Path) -> str:
    """Speeds over those of others, from interleaved rounds on one machine."""
    loading = json.loads((results / "data_loading.json").read_text())["rows"]
    rows = []
    for row in loading[:2]:
        ours = row["images_per_sec"]["gluonlab"]
        for peer, name in (("mxnet", "MXNet's ImageRecordIter"), ("torch", "PyTorch's DataLoader, Pillow")):
            theirs = row["images_per_sec"][peer]
            low, high = ours["lowest"] / theirs["highest"], ours["highest"] / theirs["lowest"]
            cells = (f"{row['ratio_to'][peer]:.2f}", f"range {low:.2f} to {high:.2f}", "more")
            rows.append((f"images decoded, {row['what']} / {name}", *cells))
    for row in json.loads((results / "versus_peers.json").read_text())["rows"].values():
        rows.append((row["what"], *ratio_cells(row, 2), "less" if row["at_most"] else "more"))
    lines = ["| measured | ratio | 95 % interval | better is |", "|---|--:|--:|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def ratio_cells(row: dict[str, Any], digits: int) -> tuple[str, str]:
    """The ratio of ``row`` and its interval; of a cost that may be none only what it is below."""
    if row["interval_95"] is None:
        return f"{row['ratio']:.{digits}f}", "none, too few runs"
    low, high = row["interval_95"]
    interval = f"{low:.{digits}f} to {high:.{digits}f}"
    if row["at_most"] and low <= 1:
        return f"not measurable (below {max(high - 1, 0):.1%} more)", interval
    return f"{row['ratio']:.{digits}f}", interval


def _largest(same_run: dict[str, Any]) -> str:
    return f"{max(same_run['one_update']['largest_relative_difference'].values()):.1e}"


def _bits(same_run: dict[str, Any]) -> str:
    digests = set(same_run["deterministic"]["weights_sha256"].values())
    return "same bits" if len(digests) == 1 else f"{len(digests)} different results"


Sections = dict[str, Callable[[Path], str]]

STUDY_SECTIONS: Sections = {"large batches": render_study}
COMPARISON_SECTIONS: Sections = {
    "engine": render_engine,
    "others": render_others,
    "simulate": render_simulate,
}
PICTURES: dict[str, Callable[[Path], str]] = {
    "docs/quickstart.svg": lambda results: draw_quickstart(results / "digits.json"),
    "docs/large_batches.svg": draw_study,
}


def fill_in(page: str, results: Path, sections: Sections) -> str:
    """``page`` with what stands between ``<!-- NAME -->`` and ``<!-- /NAME -->`` made anew."""
    for name, render in sections.items():
        section = re.compile(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", re.DOTALL)
        text = f"<!-- {name} -->\n{render(results)}<!-- /{name} -->"
        page = section.sub(lambda _, text=text: text, page)  # type: ignore[misc]
    return page
