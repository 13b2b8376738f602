"""Every augmentation beside that of the peers whose recipes it serves, by distribution.

python -m benchmarks.data.augmentations --peer-python VENV/bin/python [--draws 20000] [--out FILE]

Each side draws in a process of its own; torchvision and timm need an environment of their own. Of each
augmentation one number is read off the image that comes out (the factor, the area of a crop);
`python -m benchmarks.pages` puts the result, benchmarks/results/augmentations.json, into docs/data.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables import ROOT

OUT = ROOT / "benchmarks/results/augmentations.json"
PARTS = ROOT / "benchmarks/data/augmentation_parts"
Array = NDArray[Any]


def main() -> None:
    """Draw on all sides and write what is alike and what is not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer-python", required=True, help="a Python with torchvision, timm and Pillow")
    parser.add_argument("--draws", type=int, default=20_000)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    ours = _draw(sys.executable, "draw_ours.py", options.draws)
    theirs = _draw(sys.executable, "draw_mxnet.py", options.draws)
    theirs.update(_draw(options.peer_python, "draw_torch.py", options.draws))
    versions = theirs.pop("versions").tolist()
    rows, operations = [], []
    for name, values in theirs.items():
        peer, what = name.split("/")
        if what.startswith("operation_"):
            operations.append(_compare_pictures(what, peer, ours[what], values))
        else:
            rows.append(_compare(what, peer, ours[what], values))
    result = {
        "draws": options.draws,
        "versions": ["MXNet 1.9.1", *versions],
        "rows": rows,
        "operations": operations,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


def _draw(python: str, script: str, draws: int) -> dict[str, Array]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "draws.npz"
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([python, str(PARTS / script), str(place), str(draws)], env=environment, check=True)
        with np.load(place, allow_pickle=False) as drawn:
            return {name: drawn[name] for name in drawn.files}


def _compare(what: str, peer: str, ours: Array, theirs: Array) -> dict[str, Any]:
    """Mean, deviation and range of both, and the largest distance of their cumulative distributions."""
    sides = {"gluonlab": ours, peer: theirs}
    figures = {
        side: {
            "mean": round(float(values.mean()), 4),
            "deviation": round(float(values.std()), 4),
            "lowest": round(float(values.min()), 4),
            "highest": round(float(values.max()), 4),
            "draws": len(values),
        }
        for side, values in sides.items()
    }
    return {"what": what, "peer": peer, "distance": round(_distance(ours, theirs), 4), **figures}


def _distance(one: Array, other: Array) -> float:
    """That of Kolmogorov and Smirnov: 0 if the distributions are alike, 1 if they do not overlap."""
    places = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(each), places, side="right") / len(each) for each in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def _compare_pictures(what: str, peer: str, ours: Array, theirs: Array) -> dict[str, Any]:
    """Mean difference of the picture to ours, in gray levels, for the sign where it is larger."""
    apart = np.abs(ours[:, None].astype(float) - theirs[None]).mean(axis=(2, 3, 4))
    _, policy, name = what.split("_", 2)
    return {
        "policy": policy,
        "operation": name,
        "peer": peer,
        "difference": round(float(apart.min(axis=1).max()), 3),
    }


if __name__ == "__main__":
    main()
