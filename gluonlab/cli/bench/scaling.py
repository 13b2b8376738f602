"""``gluonlab bench scaling``: the same work on 1 to P processes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

import typer

from gluonlab.cli.bench.children import run_bench
from gluonlab.cli.bench.session import BACKEND_OPTION, Backend, numbers, open_result, show
from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table
from gluonlab.errors import ConfigError

if TYPE_CHECKING:
    from gluonlab.bench.result import Result, Row


def scaling(
    target: str = typer.Argument(..., metavar="MODEL|CONFIG", help="Model of the zoo, or a recipe (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    processes: str = typer.Option("1,2", "--processes", metavar="N[,N...]", help="Numbers of processes."),
    batch: int = typer.Option(
        8, "--batch", min=1, help="Images per process; with --strong, of all together."
    ),
    is_strong: bool = typer.Option(False, "--strong", help="Share the batch instead of giving each its own."),
    backend: Backend = BACKEND_OPTION,
    threads: int = typer.Option(1, "--threads", min=1, help="Compute threads of each process."),
    rounds: int = typer.Option(3, "--rounds", min=1, help="Rounds; in each, all numbers take turns."),
    blocks: int = typer.Option(3, "--blocks", min=1, help="Blocks of each number in a round."),
    steps: Optional[int] = typer.Option(None, "--steps", min=1, help="Steps of a block; default: 2 seconds."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure scaling, weak or strong. Tells how much of the communication is hidden.

    Each number of processes also runs with processes that send nothing, at the same time: the bound that
    shared memory and cores set. Example: gluonlab bench scaling resnet50_v1b --processes 1,2 --batch 8
    """
    check_json_target(json_target)
    counts = numbers(processes, "--processes")
    if is_strong and any(batch % count for count in counts):
        raise ConfigError("CLI02", f"--batch {batch}", f"cannot be shared by {processes} processes equally")
    from gluonlab.build.benchmark import benchmark_config

    benchmark_config(target, overrides or [], processes=max(counts), batch=batch)  # refused before the work
    result = open_result("scaling", json_target)
    rows: dict[tuple[int, bool], list[Row]] = {}
    for _ in range(rounds):
        for count in counts:
            share = batch // count if is_strong else batch
            options = ["--batch", str(share), "-n", str(count), "--threads", str(threads)]
            options += ["--blocks", str(blocks), "--backend", backend.value]
            options += ["--warmup", "2", "--no-peak"]
            options += ["--steps", str(steps)] if steps else []
            for is_independent in (False, True) if count > 1 else (False,):
                extra = ["--independent"] if is_independent else []
                command = ["throughput", target, *(overrides or []), *options, *extra]
                rows.setdefault((count, is_independent), []).extend(run_bench(command))
                _put(result, rows, count, is_independent, is_strong)
    result.finish()
    show(result, _format(result.rows), json_target)


def _put(
    result: Result, rows: dict[tuple[int, bool], list[Row]], count: int, is_independent: bool, is_strong: bool
) -> None:
    """One row over all rounds so far: the rates, against one process and against independent ones."""
    from gluonlab.bench.scaling import hidden_share, pooled_row
    from gluonlab.bench.statistics import ratio_of

    mine = rows[count, is_independent]
    row = pooled_row(mine)
    first = min(number for number, _ in rows)
    one = pooled_row(rows[first, False])
    base = [rate / first for rate in one["values"]]
    speedup = ratio_of([rate / count for rate in row["values"]], base)
    row.update(
        scaling="strong" if is_strong else "weak", efficiency=speedup.ratio, efficiency_95=speedup.interval
    )
    if is_independent:
        together = pooled_row(rows[count, False])
        ratio = ratio_of(together["values"], row["values"])
        row.update(together_over_independent=ratio.ratio, together_over_independent_95=ratio.interval)
        row["hidden_communication"] = hidden_share(together, row)
    result.put(row["name"], row)


def _format(rows: list[Row]) -> str:
    header = ["processes", "images/s", "range", "efficiency", "95 %", "communication"]
    table: list[list[Any]] = []
    for row in rows:
        interval = row["efficiency_95"]
        cells = [f"{row['processes']}{' apart' if row['is_independent'] else ''}", f"{row['median']:,.4g}"]
        cells += [f"{row['lowest']:,.4g} to {row['highest']:,.4g}", f"{row['efficiency']:.1%}"]
        cells += [f"{interval[0]:.1%} to {interval[1]:.1%}" if interval else ""]
        hidden = row.get("hidden_communication")
        table.append([*cells, "" if hidden is None else f"{hidden:.0%} hidden"])
    notes = [
        f"{row['processes']} processes together / apart: {row['together_over_independent']:.3f}"
        for row in rows
        if "together_over_independent" in row
    ]
    crowded = ["fewer cores than threads: marked"] if any(row["is_oversubscribed"] for row in rows) else []
    first = rows[0]
    title = (
        f"{first['model']}, {first['scaling']} scaling, batch {first['batch']}, "
        f"{first['threads']} thread(s) each"
    )
    return "\n".join([title, "", format_table(header, table), "", *notes, *crowded])
