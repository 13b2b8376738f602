"""The tables of docs/weights.md, from the files in benchmarks/results.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.tables import ROOT, Sections

PAGE = ROOT / "docs/weights.md"
WANTED = {"fused": 1.05, "onnxruntime": 1.3, "int8": 1.2}
"""Images per second to those of the hybridized network; int8 where the processor has VNNI."""


def render_inference(results: Path) -> str:
    """A row for each engine: its speed, and what it costs in accuracy. Nothing if it was not measured yet."""
    path = results / "inference.json"
    if not path.exists():
        return ""
    result = json.loads(path.read_text())
    speeds, ratios = result["images_per_second"], result["ratios"]
    header = ["engine", *(f"batch {batch}" for batch in ratios), "wanted", "digits: top-1", "same class"]
    header.append("largest difference of a logit")
    lines = [" | ".join(header), "|".join(["---", *["--:"] * (len(header) - 1)])]
    for name, digits in result["digits"]["engines"].items():
        cells = [
            f"`{name}`",
            *(f"{ratios[batch][name]:.2f} ({speeds[batch][name]['median']:.1f}/s)" for batch in ratios),
            f"{WANTED[name]:.2f}" if name in WANTED else "",
            *(f"{digits[key]:.2%}" for key in ("top1", "same_top1")),
            f"{digits['relative_difference']:.1e}",
        ]
        lines.append(" | ".join(cells))
    vnni = "has" if result["has_vnni"] else "has no"
    note = f"""
Images per second of {result["model"]} at 224 px to those of the hybridized network: medians of
{result["rounds"]} rounds on {result["threads"]} threads of {result["machine"]["processor"]}, which {vnni}
VNNI instructions for 8-bit integers. The digits are the
{result["digits"]["images"]} validation images of `configs/digits.yaml`; differences are to the
hybridized network, relative to its largest logit. Ranges and versions are in
[inference.json](../benchmarks/results/inference.json), made by `python -m benchmarks.models.inference`.
"""
    return "".join(f"| {line} |\n" for line in lines) + note


def render_torchvision(results: Path) -> str:
    """What came of weights that torchvision and timm wrote. Nothing if that was not tried yet."""
    path = results / "models/torchvision.json"
    if not path.exists():
        return ""
    rows = json.loads(path.read_text())["networks"]
    versions: dict[str, str] = {}
    for row in rows.values():
        versions.update(row["versions"])
    shown = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    differing = sum(len(row["differing"]) for row in rows.values())
    return f"""\
{len(rows)} networks of {shown}, with random weights and statistics, wrote `.pth` files. Imported,
their logits differ by at most {max(row["relative_difference"] for row in rows.values()):.1e} of the largest
one, in ONNX by {max(row["relative_difference_onnx"] for row in rows.values()):.1e}; of the
{sum(row["tensors"] for row in rows.values()):,} tensors that were exported again, {differing} differ in a bit
([torchvision.json](../benchmarks/results/models/torchvision.json)).
"""


SECTIONS: Sections = {"inference": render_inference, "torchvision": render_torchvision}
