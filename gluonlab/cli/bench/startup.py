"""``gluonlab bench startup``: from the command to the end of the first update."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Optional

import psutil
import typer

from gluonlab.bench.result import Row
from gluonlab.bench.statistics import summarize
from gluonlab.build.benchmark import benchmark_config, benchmark_run
from gluonlab.cli.bench.children import ChildFailedError
from gluonlab.cli.bench.session import THREADS_OPTION, join_with_threads, open_result, show
from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table

PARTS = {
    "python": "the interpreter and the command line",
    "import": "MXNet and gluonlab",
    "build": "data, network, optimizer",
    "first_step": "the first update, which compiles the graph",
    "second_step": "the second update",
}


def startup(
    target: str = typer.Argument("resnet50_v1b", metavar="MODEL|CONFIG", help="What is started."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    threads: Optional[int] = THREADS_OPTION,
    rounds: int = typer.Option(6, "--rounds", min=1, help="Starts."),
    is_child: bool = typer.Option(False, "--child", hidden=True),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure what a run costs before it trains.

    Example: gluonlab bench startup recipe:digits
    """
    if is_child:
        typer.echo(json.dumps(_start(target, overrides or [], threads)))
        return
    check_json_target(json_target)

    benchmark_config(target, overrides or [], processes=1)
    options = ["--threads", str(threads)] if threads else []
    command = [
        sys.executable,
        "-m",
        "gluonlab.cli.main",
        "bench",
        "startup",
        target,
        *(overrides or []),
        *options,
    ]

    result = open_result("startup", json_target)
    starts = []
    for number in range(1, rounds + 1):
        job = subprocess.run([*command, "--child"], capture_output=True, text=True)
        if job.returncode != 0:
            raise ChildFailedError(job.returncode, job.stderr)
        starts.append(json.loads(job.stdout))
        for part, what in PARTS.items():
            summary = summarize([start[part] for start in starts])
            row: Row = {"unit": "s", "higher_is_better": False, **summary, "part": part, "what": what}
            result.put(f"start of {target}: {part}", row, is_complete=number == rounds)
    result.finish()
    show(result, _format(target, result.rows), json_target)


def _start(target: str, overrides: list[str], threads: Optional[int]) -> dict[str, float]:
    """Seconds of each part in this process."""
    laps = [psutil.Process().create_time(), time.time()]

    config = benchmark_config(target, overrides, processes=1)
    world, _ = join_with_threads(threads or config.compute_threads)
    from gluonlab.bench.work import Training, wait_for_device

    laps.append(time.time())
    work = Training(benchmark_run(config, world, has_gradients=True))
    wait_for_device()
    laps.append(time.time())
    for _ in range(2):
        work.step()
        wait_for_device()
        laps.append(time.time())
    work.close()
    return dict(zip(PARTS, (after - before for before, after in zip(laps, laps[1:]))))


def _format(target: str, rows: list[Row]) -> str:
    table = [
        [row["part"], f"{row['median']:.3f}", f"{row['lowest']:.3f} to {row['highest']:.3f}", row["what"]]
        for row in rows
    ]
    total = sum(row["median"] for row in rows if row["part"] != "second_step")
    header = ["part", "seconds", "range", ""]
    last = f"{total:.2f} s to the end of the first update"
    return "\n".join([f"start of {target}", "", format_table(header, table), "", last])
