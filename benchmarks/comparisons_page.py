"""The tables of docs/comparisons.md, from the result files of several folders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.tables import Sections, ratio_cells


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


def _largest(same_run: dict[str, Any]) -> str:
    return f"{max(same_run['one_update']['largest_relative_difference'].values()):.1e}"


def _bits(same_run: dict[str, Any]) -> str:
    digests = set(same_run["deterministic"]["weights_sha256"].values())
    return "same bits" if len(digests) == 1 else f"{len(digests)} different results"


COMPARISON_SECTIONS: Sections = {
    "engine": render_engine,
    "others": render_others,
    "simulate": render_simulate,
}
