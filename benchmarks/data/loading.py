"""How fast images become batches, against MXNet's ImageRecordIter and PyTorch's DataLoader with Pillow.

python -m benchmarks.data.loading [--quick] [--peer-python VENV/bin/python] [--out FILE]

Each side of each row is a process of its own, one after the other, five rounds (two with --quick). All read
the same JPEGs (made here, about 70 KB, from a seed), in order, and hand out float32 batches of 64, channels
first, mean subtracted and divided. PyTorch needs an environment of its own, with torch and Pillow; without
--peer-python its rows are left out. The result is benchmarks/results/data_loading.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any, Optional

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT

OUT = ROOT / "benchmarks/results/data_loading.json"
PARTS = ROOT / "benchmarks/data/loading_parts"

# row: what ours does, what the peers do; a peer is (script, kind, threads)
ROWS = {
    "train": "random resized crop and mirroring, 224 px",
    "val": "shorter side 256, centre crop 224",
    "jitter": "train, with brightness, contrast and saturation 0.4 (and lighting 0.1, but for PyTorch)",
    "randaugment": "train, with RandAugment, 2 operations at magnitude 9",
}
PEERS = {
    "train": ("mxnet", "mxnet-two", "torch"),
    "val": ("mxnet", "mxnet-two", "torch"),
    "jitter": ("mxnet", "torch"),
    "randaugment": (),
}


def main() -> None:
    """Measure every row and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="few images, two rounds: does it run at all?")
    parser.add_argument("--peer-python", help="a Python with torch and Pillow")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    images, rounds = (256, 2) if options.quick else (1024, 5)
    with tempfile.TemporaryDirectory() as folder:
        run_part(sys.executable, "make_images.py", str(images), folder)
        rows = [_measure(row, folder, options.threads, rounds, options.peer_python) for row in ROWS]
    result = {
        "images": images,
        "rounds": rounds,
        "threads": options.threads,
        **describe_origin(),
        "command": " ".join(sys.argv),
        "rows": rows,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


def _measure(row: str, folder: str, threads: int, rounds: int, peer_python: Optional[str]) -> dict[str, Any]:
    """Images per second of each side, in each round, sides taking turns."""
    sides = ["gluonlab", "gluonlab-one-thread"]
    sides += [peer for peer in PEERS[row] if peer != "torch" or peer_python]
    speeds: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            speeds[side].append(_speed(side, row, folder, threads, peer_python))
            print(row, side, f"{speeds[side][-1]:.0f}", flush=True)
    ours = median(speeds["gluonlab"])
    return {
        "row": row,
        "what": ROWS[row],
        "images_per_sec": {
            side: {"median": median(values), "lowest": min(values), "highest": max(values)}
            for side, values in speeds.items()
        },
        "ratio_to": {side: ours / median(speeds[side]) for side in sides if not side.startswith("gluonlab")},
    }


def _speed(side: str, row: str, folder: str, threads: int, peer_python: Optional[str]) -> float:
    """Images per second of one pass, after one that warms up."""
    if side == "torch":
        return float(run_part(str(peer_python), "torch_side.py", row, folder, str(threads)))
    if side.startswith("mxnet"):
        iterators = "2" if side == "mxnet-two" else "1"
        return float(run_part(sys.executable, "mxnet_side.py", row, folder, str(threads), iterators))
    count = "1" if side == "gluonlab-one-thread" else str(threads)
    return float(run_part(sys.executable, "gluonlab_side.py", row, folder, count))


def run_part(python: str, script: str, *arguments: str) -> str:
    """The last line that a part prints."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    job = subprocess.run(
        [python, str(PARTS / script), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if job.returncode:
        raise SystemExit(f"{script} {' '.join(arguments)} failed:\n{job.stderr[-2000:]}")
    return job.stdout.strip().splitlines()[-1] if job.stdout.strip() else ""


if __name__ == "__main__":
    main()
