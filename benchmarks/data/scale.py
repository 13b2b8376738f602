"""What a set of ImageNet's size costs beyond its images: opening, index, order, memory of a run.

python -m benchmarks.data.scale [--records N] [--folder FOLDER] [--out FILE]

Makes 1,281,167 records of small JPEGs (about 1 GB), verifies them, opens them in processes of their own, and
trains for a few updates with two processes. About 5 minutes on 2 cores. The result is
benchmarks/results/data_scale.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT

OUT = ROOT / "benchmarks/results/data_scale.json"
ROUNDS = 5
UPDATES = 40
POLL_SECONDS = 0.05


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--records", type=int, default=1_281_167)
    parser.add_argument("--folder", help="where the records go; default: a temporary folder")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        train, val = Path(folder) / "train.rec", Path(folder) / "val.rec"
        _make(train, options.records)
        _make(val, 64)
        opening = {kind: _open(kind, train) for kind in ("index", "no-index")}
        verification = _verify(train)
        opening["verified"] = _open("verified", train)
        run = _train(train, val, Path(folder) / "run", options.records)
        size = train.stat().st_size
    result = {
        "records": options.records,
        "bytes": size,
        "rounds": ROUNDS,
        **describe_origin(),
        "command": " ".join(sys.argv),
        "opening": opening,
        "verification": verification,
        "sampler_seek_seconds": _seek(options.records),
        "run_of_two_processes": run,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def _make(path: Path, count: int) -> None:
    """``count`` records of 100 different JPEGs of 32 px."""
    from gluonlab.data.recordio import RecordWriter, pack_image_record

    generator = np.random.RandomState(0)
    noise = [generator.randint(0, 256, (32, 32, 3)).astype(np.uint8) for _ in range(100)]
    images = [cv2.imencode(".jpg", cv2.GaussianBlur(image, (0, 0), 2))[1].tobytes() for image in noise]
    with RecordWriter(path) as writer:
        for number in range(count):
            writer.write(pack_image_record(number % 1000, number, images[number % 100]))


def _open(kind: str, path: Path) -> dict[str, Any]:
    """Seconds, bytes of the arrays, growth of resident memory, each in a process of its own."""
    part = ROOT / "benchmarks/data/scale_parts/open_records.py"
    rows = []
    for _ in range(ROUNDS):
        job = subprocess.run(
            [sys.executable, str(part), kind, str(path)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            check=True,
        )
        rows.append(json.loads(job.stdout))
    seconds = [row["seconds"] for row in rows]
    return {
        "seconds": _spread(seconds),
        "index_bytes": rows[0]["index_bytes"],
        "resident_growth_bytes": _spread([row["resident_growth_bytes"] for row in rows]),
        "peak_growth_bytes": _spread([row["peak_growth_bytes"] for row in rows]),
    }


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": median(values), "lowest": min(values), "highest": max(values)}


def _verify(path: Path) -> dict[str, Any]:
    from gluonlab.data.packing import usable_cores
    from gluonlab.data.verification.verify import verified

    start = time.perf_counter()
    index = verified("record", path, processes=usable_cores())
    return {"seconds": time.perf_counter() - start, "processes": usable_cores(), "bad": len(index.bad)}


def _seek(records: int) -> dict[str, float]:
    from gluonlab.data.sampler import Sampler
    from gluonlab.epochs import Epochs

    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        Sampler(Epochs(records, 256), seed=0).global_batch(90 * records // 256 - 1)
        seconds.append(time.perf_counter() - start)
    return _spread(seconds)


def _train(train: Path, val: Path, run_dir: Path, records: int) -> dict[str, Any]:
    """Peak resident memory of each process of ``gluonlab launch -n 2``, and of all together."""
    recipe = ROOT / "configs/digits.yaml"
    overrides = [
        "data.name=record",
        f"data.train={train}",
        f"data.val={val}",
        "data.classes=1000",
        "data.image_size=32",
        "data.channels=3",
        "data.augment=resized_crop_flip",
        "data.mean=[123.675,116.28,103.53]",
        "data.std=[58.395,57.12,57.375]",
        "global_batch_size=64",
        f"epochs={(UPDATES + 0.5) * 64 / records}",
        "schedule.warmup_epochs=0",
        f"run_dir={run_dir}",
    ]
    gluonlab = str(Path(sys.executable).with_name("gluonlab"))
    command = [gluonlab, "launch", "-n", "2", str(recipe), *overrides]
    job = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    peaks: dict[int, int] = {}
    together = 0
    while job.poll() is None:
        family = _family(job.pid)
        peaks.update({pid: max(peaks.get(pid, 0), _status(pid, "VmHWM")) for pid in family})
        together = max(together, sum(_status(pid, "VmRSS") for pid in family))
        time.sleep(POLL_SECONDS)
    if job.returncode:
        raise SystemExit(f"the run ended with exit code {job.returncode}")
    ranks = sorted(peaks.values())[-2:]
    return {"updates": UPDATES, "peak_bytes_of_each": ranks, "peak_bytes_of_all_processes": together}


def _family(root: int) -> list[int]:
    """``root`` and all that it started."""
    parents = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                stat = Path(entry.path, "stat").read_text()
            except OSError:
                continue  # it has just ended
            parents[int(entry.name)] = int(stat.rsplit(")", 1)[1].split()[1])
    family = {root}
    while True:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        if not more:
            return sorted(family)
        family |= more


def _status(pid: int, key: str) -> int:
    """A line of /proc/PID/status in bytes; 0 when the process is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), 0)


if __name__ == "__main__":
    main()
