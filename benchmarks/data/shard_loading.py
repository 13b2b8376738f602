"""How fast shards become batches, against record files, and against WebDataset's own loader.

python -m benchmarks.data.shard_loading [--quick] [--peer-python VENV/bin/python] [--out FILE]

About 10 minutes. Each side is a process of its own, sides take turns, five rounds (two with --quick): random
resized crops of 224 px from the same JPEGs of about 70 KB, in random order. WebDataset needs an environment
of its own with torch, Pillow and webdataset; without --peer-python its row is left out. The result is
benchmarks/results/shard_loading.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from statistics import median

from benchmarks.data.loading import run_part
from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT

OUT = ROOT / "benchmarks/results/shard_loading.json"
SIDES = {
    "record": ("record", "random.rec"),
    "webdataset": ("webdataset", "shard.tar"),
    "parquet": ("parquet", "none.parquet"),
    "parquet, snappy": ("parquet", "snappy.parquet"),
}
PEER = "WebDataset with DataLoader"


def main() -> None:
    """Measure every side in turn and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="few images, two rounds: does it run at all?")
    parser.add_argument("--peer-python", help="a Python with torch, Pillow and webdataset")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--beside-other-work", action="store_true", help="say so in the result")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    images, rounds = (256, 2) if options.quick else (1024, 5)
    names = [*SIDES, *([PEER] if options.peer_python else [])]
    speeds: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        run_part(sys.executable, "make_images.py", str(images), folder)
        run_part(sys.executable, "make_shards.py", folder)
        for _ in range(rounds):
            for name in names:
                speeds[name].append(_speed(name, folder, str(options.threads), options.peer_python))
                print(name, f"{speeds[name][-1]:.0f}", flush=True)
    ratios = {
        f"{name} / record": _ratio(speeds[name], speeds["record"]) for name in SIDES if name != "record"
    }
    if PEER in speeds:
        ratios[f"webdataset / {PEER}"] = _ratio(speeds["webdataset"], speeds[PEER])
    result = {
        "images": images,
        "rounds": rounds,
        "threads": options.threads,
        "conditions": "beside other work" if options.beside_other_work else "alone on the machine",
        **describe_origin(),
        "command": " ".join(sys.argv),
        "images_per_sec": {
            name: {"median": median(values), "all": values} for name, values in speeds.items()
        },
        "ratios": ratios,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


def _speed(name: str, folder: str, threads: str, peer_python: str) -> float:
    if name == PEER:
        return float(run_part(peer_python, "webdataset_side.py", "train", folder, threads))
    return float(run_part(sys.executable, "gluonlab_side.py", "train", folder, threads, *SIDES[name]))


def _ratio(mine: list[float], theirs: list[float]) -> dict[str, float]:
    """How many times as fast, from round to round; above 1 is faster."""
    ratios = [one / other for one, other in zip(mine, theirs)]
    return {"median": median(ratios), "lowest": min(ratios), "highest": max(ratios)}


if __name__ == "__main__":
    main()
