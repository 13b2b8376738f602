"""The tables of docs/data.md on augmentations, from their result file."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

ROUNDING = 0.02
"""What Pillow and ImageRecordIter add to the distance of two distributions, which cut off where we round."""
SPREAD = 0.06
"""How far deviations may be apart, as a part of them: four times the error of 2,000 draws."""
PEERS = {
    "mxnet": "Gluon, `mx.image`",
    "iterator": "ImageRecordIter",
    "torchvision": "torchvision",
    "timm": "timm",
}
WHAT = {
    "brightness": "`brightness: 0.4`, the factor",
    "contrast": "`contrast: 0.4`, the factor",
    "saturation": "`saturation: 0.4`, the factor",
    "jitter": "the three together, red of a dark pixel",
    "hue": "`hue: 0.1`, in turns of the colour circle",
    "lighting_red": "`lighting: 0.1`, what red gains",
    "lighting_green": "what green gains",
    "lighting_blue": "what blue gains",
    "mirrored": "part of the images that are mirrored",
    "crop_area": "`resized_crop_flip`, part of the area",
    "crop_ratio": "logarithm of width / height",
    "crop_place": "where it lies, 0 at the top, 1 at the bottom",
    "panorama_area": "part of the area of an image of 600 x 100",
    "shift": "`shift`, pixels downwards",
    "erased_area": "`erasing`, part of the area",
    "erased_ratio": "logarithm of height / width",
    "rand_paper": "RandAugment, 2 operations at 9 of 30: mean change of a picture",
    "rand_timm": "that of timm at 7 of 10, spread 0.5, likewise",
    "mixing": "mixup 0.1 or CutMix 1.0, the larger image's share",
}
REMARKS = {
    ("hue", "mxnet"): "MXNet counts half turns, and turns in YIQ: its 0.2 is 0.1 here and in torchvision. No "
    "recipe here sets it.",
    (
        "saturation",
        "mxnet",
    ): "Gluon's RandomSaturation counts blue only in the gray of a pixel, so it changes brightness too.",
    ("jitter", "mxnet"): "For the same reason.",
    ("saturation", "iterator"): "ImageRecordIter exchanges red and blue in the gray of a pixel.",
    ("jitter", "iterator"): "For the same reason.",
    ("panorama_area", "torchvision"): "Where ten tries did not fit, the centred square is taken here, as by "
    "MXNet and fb.resnet.torch; torchvision takes a centred 4:3.",
}


def render_augmentations(results: Path) -> str:
    """A row for each augmentation and peer, with what is different."""
    result = json.loads((results / "augmentations.json").read_text())
    lines = [
        "| what is drawn | peer | gluonlab: mean ± sd | peer: mean ± sd | distance | |",
        "|---|---|--:|--:|--:|---|",
    ]
    order = list(WHAT)
    for row in sorted(
        result["rows"], key=lambda row: (order.index(row["what"]), list(PEERS).index(row["peer"]))
    ):
        ours, theirs = (f"{side['mean']:.3f} ± {side['deviation']:.3f}" for side in _sides(row))
        told = "alike" if is_alike(row) else REMARKS[row["what"], row["peer"]]
        cells = (WHAT[row["what"]], PEERS[row["peer"]], ours, theirs, f"{row['distance']:.3f}", told)
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        f"{', '.join(result['versions'])}; {result['draws']:,} draws, or a quarter of that where they are "
        "dear. The distance is that of Kolmogorov and Smirnov, from 0 to 1; alike is what chance and the "
        "rounding of bytes explain.",
    ]
    return "\n".join(lines) + "\n"


def render_operations(results: Path) -> str:
    """How far each operation of RandAugment is from its peer's on the same picture."""
    rows = json.loads((results / "augmentations.json").read_text())["operations"]
    by_policy = {
        policy: {row["operation"]: row["difference"] for row in rows if row["policy"] == policy}
        for policy in ("paper", "timm")
    }
    names = list({row["operation"]: None for row in rows})
    lines = ["| operation | `paper` and torchvision | `timm` and timm |", "|---|--:|--:|"]
    for name in names:
        cells = (
            f"{figures[name]:.2f}" if name in figures else "not in it"
            for figures in (by_policy["paper"], by_policy["timm"])
        )
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def is_alike(row: dict[str, Any]) -> bool:
    """Whether one distribution explains both samples, but for 1 in 1,000 of them."""
    ours, theirs = _sides(row)
    limit = 1.95 * math.sqrt(1 / ours["draws"] + 1 / theirs["draws"]) + ROUNDING
    return bool(row["distance"] < limit and abs(ours["deviation"] / theirs["deviation"] - 1) < SPREAD)


def _sides(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    return row["gluonlab"], row[row["peer"]]
