"""``gluonlab bench throughput --sweep-batch`` and ``--sweep-threads``."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import psutil
import typer

from gluonlab.bench.result import Row
from gluonlab.bench.sweep import largest_that_fits
from gluonlab.cli.bench.children import ChildFailedError, run_bench
from gluonlab.cli.bench.session import open_result, show
from gluonlab.cli.output import format_table
from gluonlab.errors import ResourceError

GIB = 2**30
LARGEST_BATCH = 65_536


def sweep_batch(
    command: Sequence[str],
    first: int,
    memory_gib: Optional[float],
    json_target: Optional[str],
    plot: Optional[Path],
) -> None:
    """Run ``command`` with growing batches, each in a process that may die; print the largest that fits.

    Each process gets ``memory_gib``, by default nine tenths of what is free now, and asks the kernel to be
    the first that is ended when memory runs out after all.

    Raises:
        ResourceError: RES03 if not even a batch of 1 fits.
    """
    limit = int((memory_gib or 0.9 * psutil.virtual_memory().available / GIB) * GIB)
    result = open_result("batch sweep", json_target)

    def fits(batch: int) -> bool:
        try:
            command_with_batch = [*command, "--batch", str(batch), "--no-peak"]
            row = run_bench(command_with_batch, before=lambda: _limit_memory(limit))[0]
        except ChildFailedError as error:
            if not error.is_death:
                raise
            typer.echo(f"batch {batch}: does not fit ({error.problems[0].what[:80]})", err=True)
            return False
        typer.echo(f"batch {batch}: {row['median']:,.4g} images/s", err=True)
        result.put(row["name"], row)
        return True

    largest = largest_that_fits(fits, first, LARGEST_BATCH)
    if largest is None:
        raise ResourceError("RES03", "--sweep-batch", f"not even one image fits into {limit / GIB:.2f} GiB")
    result.add("largest_batch", largest)
    result.add("memory_limit_bytes", limit)
    result.finish()
    fastest = max(result.rows, key=lambda row: float(row["median"]))
    table = [_batch_cells(row) for row in sorted(result.rows, key=lambda row: int(row["batch"]))]
    lines = [format_table(["batch", "images/s", "memory"], table), ""]
    lines += [f"largest batch that fits into {limit / GIB:.2f} GiB: {largest}"]
    lines += [f"fastest: {fastest['batch']}, {fastest['median']:,.4g} images/s"]
    show(result, "\n".join(lines), json_target, plot)


def _batch_cells(row: Row) -> list[str]:
    return [str(row["batch"]), f"{row['median']:,.4g}", f"{row['peak_memory_bytes'] / GIB:.2f} GiB"]


def _limit_memory(limit: int) -> None:
    """In the child: allocations beyond ``limit`` fail, so that it ends and not its neighbours."""
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    Path("/proc/self/oom_score_adj").write_text("1000")


def sweep_threads(
    command: Sequence[str], processes: int, json_target: Optional[str], plot: Optional[Path]
) -> None:
    """Run ``command`` with 1, 2, 4, ... threads a process up to all cores; print the best as environment."""
    from gluonlab.bench.machine import available_cores

    result = open_result("thread sweep", json_target)
    counts = [2**power for power in range(max(available_cores() // processes, 1).bit_length())]
    if counts[-1] < available_cores() // processes:
        counts.append(available_cores() // processes)
    for threads in counts:
        for row in run_bench([*command, "--threads", str(threads), "--no-peak"]):
            result.put(row["name"], row)
    best = max(result.rows, key=lambda row: float(row["median"]))
    environment = {"OMP_NUM_THREADS": str(best["threads"])}
    result.add("environment", environment)
    result.finish()
    table = [
        [str(row["threads"]), f"{row['median']:,.4g}", f"{row['lowest']:,.4g} to {row['highest']:,.4g}"]
        for row in result.rows
    ]
    lines = [format_table(["threads", "images/s", "range"], table), ""]
    lines += ["best: " + " ".join(f"{name}={value}" for name, value in environment.items())]
    show(result, "\n".join(lines), json_target, plot)
