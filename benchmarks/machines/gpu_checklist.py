"""What works on a machine with GPUs, and how fast: a report as one JSON file, in about ten minutes.

python -m benchmarks.machines.gpu_checklist -o gpu_checklist.json         # as many processes as GPUs
python -m benchmarks.machines.gpu_checklist --cpu -o cpu_checklist.json   # on the CPU: a minute or two

Each part is a command of its own; what fails is written down with its message and the next part runs.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.origin import describe_origin
from benchmarks.tables import ROOT
from gluonlab.reporting.run_files import read_json, write_json
from gluonlab.runtime.cuda_driver import DriverMissingError, read_gpus


@dataclass(frozen=True)
class Part:
    """One command of the program; ``result`` is the file that it writes, if it writes one."""

    name: str
    words: list[str]
    result: str = "result.json"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="result file")
    parser.add_argument("--cpu", action="store_true", help="small networks on the CPU, two processes")
    parser.add_argument("--engine", choices=("auto", "mxnet", "torch"), default="auto")
    parser.add_argument("--limit", type=float, default=240, metavar="SECONDS", help="for each part")
    arguments = parser.parse_args()
    if arguments.cpu:
        processes, parts = 2, cpu_parts(arguments.engine)
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    else:
        try:
            processes = len(read_gpus()[1])
        except DriverMissingError as error:
            print(f"error[ENV24] gpu_checklist: {error}; install the driver, or use --cpu", file=sys.stderr)
            sys.exit(8)
        parts = gpu_parts(processes, arguments.engine)
    rows = {}
    for part in parts:
        rows[part.name] = run(part, arguments.limit)
        print(f"{part.name}: exit {rows[part.name]['exit']}, {rows[part.name]['seconds']:.0f} s", flush=True)
        whole = {"device": "cpu" if arguments.cpu else "gpu", "processes": processes, "parts": rows}
        write_json(arguments.output, {**whole, **describe_origin()})
    sys.exit(0 if all(row["exit"] == 0 for row in rows.values()) else 1)


def gpu_parts(gpus: int, engine: str) -> list[Part]:
    """ResNet-50 in both precisions, alone and on all GPUs; sums over all of them; a run that is resumed."""
    speed = [
        "bench",
        "throughput",
        "resnet50_v1b",
        "ctx=gpu",
        f"engine={engine}",
        "--blocks",
        "5",
        "--no-peak",
    ]
    parts = [Part("doctor", ["doctor"])]
    for precision, batch in (("float32", "64"), ("float16", "128")):
        words = [*speed, "--precision", precision, "--batch", batch]
        parts.append(Part(f"throughput {precision}", words))
        if gpus > 1:
            parts.append(Part(f"throughput {precision}, all GPUs", [*words, "-n", str(gpus)]))
    if gpus > 1:
        parts.append(Part("all-reduce", ["bench", "allreduce", "-n", str(gpus), "--rounds", "3"]))
    return [
        *parts,
        *(
            part
            for precision in ("float32", "float16")
            for part in training_parts(gpus, "gpu", precision, engine)
        ),
    ]


def cpu_parts(engine: str) -> list[Part]:
    """The same commands with small networks."""
    speed = [
        "bench",
        "throughput",
        "cifar_resnet20",
        "ctx=cpu",
        f"engine={engine}",
        "--blocks",
        "1",
        "--steps",
        "4",
        "--warmup",
        "1",
    ]
    few = ["--rounds", "1", "--sizes", "4096,1048576"]
    return [
        Part("doctor", ["doctor", "--no-self-test"]),
        Part("throughput float32", [*speed, "--no-peak"]),
        Part("all-reduce", ["bench", "allreduce", "-n", "2", *few]),
        *training_parts(2, "cpu", "float32", engine),
    ]


def training_parts(processes: int, ctx: str, precision: str, engine: str) -> list[Part]:
    """Real pictures of digits, to the end, on 1 process and on all."""
    recipe = ["configs/digits.yaml", f"ctx={ctx}", f"engine={engine}", f"precision={precision}", "epochs=2"]
    recipe += ["schedule.warmup_epochs=0", "tensorboard=false", "log_every=5", "run_dir=run"]
    alone = Part(f"training {precision}", ["train", *recipe], "run/summary.json")
    if processes == 1:
        return [alone]
    words = ["launch", "-n", str(processes), *recipe]
    return [alone, Part(f"training {precision}, {processes} processes", words, "run/summary.json")]


def run(part: Part, limit: float) -> dict[str, Any]:
    """Exit code (124 after ``limit`` seconds), seconds, what it wrote, and its last words if it failed."""
    with tempfile.TemporaryDirectory() as folder:
        words = [str(ROOT / word) if word.startswith("configs/") else word for word in part.words]
        target = ["--json", part.result] if part.result == "result.json" else []
        command = [sys.executable, "-m", "gluonlab.cli.main", *words, *target]
        start = time.monotonic()
        job = subprocess.Popen(
            command, cwd=folder, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        try:
            _, errors = job.communicate(timeout=limit)
            code = job.returncode
        except subprocess.TimeoutExpired:
            job.terminate()  # the launcher ends its processes
            _, errors = job.communicate()
            code = 124
        row: dict[str, Any] = {"command": ["gluonlab", *part.words], "exit": code}
        row["seconds"] = time.monotonic() - start
        if (Path(folder) / part.result).exists():
            row["result"] = read_json(Path(folder) / part.result)
        if code:
            row["last_words"] = errors.splitlines()[-5:]
        return row


if __name__ == "__main__":
    main()
