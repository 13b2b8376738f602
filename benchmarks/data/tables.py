"""Write the tables of docs/data.md from the files in benchmarks/results.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.data.augmentation_tables import render_augmentations, render_operations
from benchmarks.tables import ROOT, Sections

PAGE = ROOT / "docs/data.md"
PEERS = {
    "mxnet": "ImageRecordIter",
    "mxnet-two": "two ImageRecordIters at once",
    "torch": "DataLoader, Pillow",
}


def render_loading(results: Path) -> str:
    """Images per second of the loader over those of each peer, as ratios of medians."""
    result = json.loads((results / "data_loading.json").read_text())
    lines = [
        "| what is done to an image | " + " | ".join(f"gluonlab / {name}" for name in PEERS.values()) + " |",
        "|---|" + "--:|" * len(PEERS),
    ]
    for row in (row for row in result["rows"] if row["ratio_to"]):
        ratios = [f"{row['ratio_to'][peer]:.2f}" if peer in row["ratio_to"] else "" for peer in PEERS]
        lines.append(f"| {row['what']} | " + " | ".join(ratios) + " |")
    train, most = (
        result["rows"][0]["images_per_sec"]["gluonlab"],
        result["rows"][-1]["images_per_sec"]["gluonlab"],
    )
    machine = result["machine"]
    lines += [
        "",
        f"{result['threads']} threads, {machine['cores']} cores of {machine['processor']}; medians of "
        f"{result['rounds']} rounds over {result['images']:,} JPEGs of about 70 KB, sides in turn. "
        f"With RandAugment an image takes {train['median'] / most['median']:.2f} times as long as without.",
    ]
    return "\n".join(lines) + "\n"


def render_shards(results: Path) -> str:
    """The loader on shards as a multiple of its speed on record files, and of WebDataset's own."""
    result = json.loads((results / "shard_loading.json").read_text())
    lines = ["| images per second of | as a multiple | over the rounds |", "|---|--:|--:|"]
    for name, ratio in result["ratios"].items():
        interval = f"{ratio['lowest']:.2f} to {ratio['highest']:.2f}"
        lines.append(f"| {name} | {ratio['median']:.2f} | {interval} |")
    machine = result["machine"]
    lines += [
        "",
        f"Random resized crops in random order; {result['threads']} threads, {machine['cores']} cores of "
        f"{machine['processor']}, {result['rounds']} rounds over {result['images']:,} JPEGs of about 70 KB, "
        f"sides in turn, {result['conditions']}. Above 1 is faster.",
    ]
    return "\n".join(lines) + "\n"


def render_scale(results: Path) -> str:
    """What opening and training on a set of ImageNet's size takes."""
    result = json.loads((results / "data_scale.json").read_text())
    opening = result["opening"]
    run = result["run_of_two_processes"]
    rows = [
        ("opening, with MXNet's text index", f"{opening['index']['seconds']['median']:.2f} s"),
        ("opening, after `data verify`", f"{opening['verified']['seconds']['median']:.2f} s"),
        ("memory that stays after opening", _mib(opening["verified"]["resident_growth_bytes"]["median"])),
        ("going to any update of any epoch", f"{result['sampler_seek_seconds']['median']:.2f} s"),
        (
            "peak memory of a run of two processes, all of them together",
            _mib(run["peak_bytes_of_all_processes"]),
        ),
    ]
    head = [f"| {result['records']:,} records | |", "|---|--:|"]
    return "\n".join([*head, *(f"| {what} | {figure} |" for what, figure in rows)]) + "\n"


def _mib(size: float) -> str:
    return f"{size / 2**20:.0f} MiB"


DATA_SECTIONS: Sections = {
    "loading": render_loading,
    "shards": render_shards,
    "scale": render_scale,
    "augmentations": render_augmentations,
    "operations": render_operations,
}
