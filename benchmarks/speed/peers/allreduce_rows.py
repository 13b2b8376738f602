"""Rows of `versus_peers.py` that need several processes: training together or apart, and sums."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from gluonlab.bench.result import Row, read_result
from gluonlab.bench.statistics import ratio_of, summarize

PROCESSES = 2
SUM_BYTES = 100_000_000
MPI_OPTIONS = ["--allow-run-as-root", "--map-by", ":OVERSUBSCRIBE", "--bind-to", "none"]


def together_row(rounds: int) -> dict[str, Any]:
    """2 processes of 1 thread that train together against 2 that train at the same time for themselves."""
    options = ["resnet50_v1b", "--batch", "8", "-n", str(PROCESSES), "--threads", "1", "--no-peak"]
    options += ["--blocks", "3", "--steps", "2", "--warmup", "1"]
    rates: dict[str, list[float]] = {"together": [], "apart": []}
    for _ in range(max(rounds // 3, 1)):
        rates["together"] += _bench("throughput", *options)[0]["values"]
        rates["apart"] += _bench("throughput", *options, "--independent")[0]["values"]
    ratio = ratio_of(rates["together"], rates["apart"])
    return {
        "what": "ResNet-50 training, 2 processes x 1 thread together / two at the same time, each for itself",
        "target": 0.92,
        "at_most": False,
        "ratio": ratio.ratio,
        "interval_95": ratio.interval,
        "sides": {name: {"images_per_sec": summarize(values)} for name, values in rates.items()},
    }


def mpi_row(rounds: int) -> dict[str, Any]:
    """100 MB summed over 2 processes the way gradients are, against MPI's own sum in C."""
    seconds: dict[str, list[float]] = {"gluonlab": [], "plain MPI": []}
    with tempfile.TemporaryDirectory() as folder:
        program = _compile(Path(folder))
        for _ in range(rounds):
            seconds["plain MPI"] += _run_mpi(program, rounds=3, sums=3)
            options = ["-n", str(PROCESSES), "--sizes", str(SUM_BYTES), "--rounds", "3"]
            rates = _bench("allreduce", *options)[0]["values"]
            seconds["gluonlab"] += [1e-9 * SUM_BYTES / rate for rate in rates]
    ratio = ratio_of(seconds["plain MPI"], seconds["gluonlab"])
    return {
        "what": "sum of 100 MB float32 over 2 processes / plain MPI",
        "target": 0.95,
        "at_most": False,
        "ratio": ratio.ratio,
        "interval_95": ratio.interval,
        "sides": {name: {"seconds": summarize(times)} for name, times in seconds.items()},
    }


def _bench(*arguments: str) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.json"
        command = [sys.executable, "-m", "gluonlab.cli.main", "bench", *arguments, "--json", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows: list[Row] = read_result(path)["rows"]
        return rows


def _compile(folder: Path) -> Path:
    source, program = Path(__file__).parent / "mpi_allreduce.c", folder / "mpi_allreduce"
    compiler = Path(sys.executable).parent / "mpicc"
    subprocess.run([str(compiler), "-O3", str(source), "-o", str(program)], check=True)
    return program


def _run_mpi(program: Path, rounds: int, sums: int) -> list[float]:
    mpirun = Path(sys.executable).parent / "mpirun"
    options = [*MPI_OPTIONS, "--mca", "mpi_yield_when_idle", "1", "-np", str(PROCESSES)]
    command = [str(mpirun), *options, str(program), str(SUM_BYTES), str(rounds), str(sums)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(line) for line in output.splitlines()]
