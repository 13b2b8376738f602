"""``gluonlab bench allreduce``: sums over processes, by size."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.bench.result import Result, Row
from gluonlab.bench.statistics import summarize
from gluonlab.cli.bench.session import (
    BACKEND_OPTION,
    PLOT_OPTION,
    PROCESSES_OPTION,
    Backend,
    check_targets,
    is_oversubscribed,
    is_started_elsewhere,
    join_with_threads,
    leave,
    numbers,
    open_result,
    show,
)
from gluonlab.cli.output import JSON_OPTION, format_table
from gluonlab.errors import ConfigError
from gluonlab.parallel.world import World
from gluonlab.torch_engine import device_of, sees_cuda

DEFAULT_SIZES = ",".join(str(4**power) for power in range(5, 14)) + ",100000000"


def allreduce(
    processes: int = PROCESSES_OPTION,
    backend: Backend = BACKEND_OPTION,
    sizes: str = typer.Option(DEFAULT_SIZES, "--sizes", metavar="N[,N...]", help="Bytes."),
    rounds: int = typer.Option(10, "--rounds", min=1, help="Rounds for each size, of 0.2 seconds each."),
    plot: Optional[Path] = PLOT_OPTION,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure sums over processes. In float32, as gradients are summed; fits latency and bandwidth.

    Example: gluonlab bench allreduce -n 2 --json allreduce.json
    """
    check_targets(json_target, plot)
    if processes < 2:
        raise ConfigError("CLI02", f"-n {processes}", "one process has nothing to sum", "use -n 2 or more")
    chosen = numbers(sizes, "--sizes")
    if is_started_elsewhere(processes, backend):
        return
    world, threads = join_with_threads(None, engine="torch" if backend is Backend.torch else "mxnet")
    from gluonlab.bench.allreduce import measure_allreduce

    ctx = _device(world, backend)
    result = open_result("allreduce", json_target, world.rank)
    shared: Row = {
        "unit": "GB/s",
        "higher_is_better": True,
        "processes": world.size,
        "backend": backend.value,
        "is_oversubscribed": is_oversubscribed(world, threads),
    }
    for size in chosen:
        seconds = measure_allreduce(world, ctx, size, rounds)
        rates = [1e-9 * size / time for time in seconds]
        row = {**shared, **summarize(rates), "bytes": size, "seconds": summarize(seconds)["median"]}
        result.put(f"all-reduce {size} bytes, {world.size} processes, {backend.value}", row)
    fit = _fit(result)
    result.finish()
    if world.rank == 0:
        show(result, _format(result.rows, fit), json_target, plot)
    leave(world)


def _device(world: World, backend: Backend) -> Any:
    """The GPU of this process if its library sees one, else the CPU."""
    if backend is Backend.torch:
        return device_of(f"cuda:{world.local_rank}" if sees_cuda() else "cpu")
    from gluonlab.runtime.mxnet import mx

    return mx.gpu(world.local_rank) if mx.context.num_gpus() > world.local_rank else mx.cpu()


def _fit(result: Result) -> str:
    from gluonlab.bench.allreduce import fit_link

    try:
        link = fit_link({row["bytes"]: row["seconds"] for row in result.rows})
    except ValueError as error:
        return f"no fit: {error}"
    result.add("fit", asdict(link))
    return (
        f"fit: {1e6 * link.latency_seconds:.0f} us + bytes / {1e-9 * link.bytes_per_second:.2f} GB/s, "
        f"off by {link.largest_error:.0%} at most"
    )


def _format(rows: list[Row], fit: str) -> str:
    from gluonlab.bench.allreduce import bus_bytes_per_second

    header = ["bytes", "ms", "GB/s", "range", "bus GB/s"]
    table: list[list[Any]] = []
    for row in rows:
        bus = 1e-9 * bus_bytes_per_second(row["bytes"], row["seconds"], row["processes"])
        cells = [f"{row['bytes']:,}", f"{1e3 * row['seconds']:.3f}", f"{row['median']:.3f}"]
        table.append([*cells, f"{row['lowest']:.3f} to {row['highest']:.3f}", f"{bus:.3f}"])
    first = rows[0]
    title = f"sums of float32 over {first['processes']} processes, {first['backend']}"
    notes = ["fewer cores than threads: marked"] if first["is_oversubscribed"] else []
    return "\n".join([title, "", format_table(header, table), "", fit, *notes])
