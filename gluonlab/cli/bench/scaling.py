"""``gluonlab bench scaling``: the same work on 1 to P processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.bench.result import Result, Row
from gluonlab.bench.scaling import hidden_share, pooled_row
from gluonlab.bench.statistics import ratio_of
from gluonlab.build.benchmark import benchmark_config
from gluonlab.cli.bench.children import run_bench
from gluonlab.cli.bench.session import PLOT_OPTION, Backend, check_targets, names, numbers, open_result, show
from gluonlab.cli.output import JSON_OPTION, format_table
from gluonlab.errors import ConfigError

APART, ALONE = "apart", "alone"
"""Several processes that send nothing, and one."""


def scaling(
    target: str = typer.Argument(..., metavar="MODEL|CONFIG", help="Model of the zoo, or a recipe (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    processes: str = typer.Option("1,2", "--processes", metavar="N[,N...]", help="Numbers of processes."),
    batch: int = typer.Option(
        8, "--batch", min=1, help="Images per process; with --strong, of all together."
    ),
    is_strong: bool = typer.Option(False, "--strong", help="Share the batch instead of giving each its own."),
    backends: str = typer.Option(
        "mpi", "--backend", metavar="NAME[,NAME...]", help="mpi, gloo, kvstore; several take turns."
    ),
    threads: int = typer.Option(1, "--threads", min=1, help="Compute threads of each process."),
    rounds: int = typer.Option(3, "--rounds", min=1, help="Rounds; in each, all numbers take turns."),
    blocks: int = typer.Option(3, "--blocks", min=1, help="Blocks of each number in a round."),
    steps: Optional[int] = typer.Option(None, "--steps", min=1, help="Steps of a block; default: 2 seconds."),
    plot: Optional[Path] = PLOT_OPTION,
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure scaling, weak or strong. Tells how much of the communication is hidden.

    Each number of processes also runs with processes that send nothing, at the same time: the bound that
    shared memory and cores set. Example: gluonlab bench scaling resnet50_v1b --processes 1,2 --batch 8
    """
    check_targets(json_target, plot)
    counts = sorted(set(numbers(processes, "--processes")))
    if is_strong and any(batch % count for count in counts):
        raise ConfigError("CLI02", f"--batch {batch}", f"cannot be shared by {processes} processes equally")
    chosen = names(backends, "--backend", [backend.value for backend in Backend])

    benchmark_config(target, overrides or [], processes=max(counts), batch=batch)  # refused before the work
    result = open_result("scaling", json_target)
    rows = _Rounds(result, "strong" if is_strong else "weak", counts[0], rounds)
    for _ in range(rounds):
        for count in counts:
            share = batch // count if is_strong else batch
            options = ["--batch", str(share), "-n", str(count), "--threads", str(threads)]
            options += ["--blocks", str(blocks), "--warmup", "2", "--no-peak"]
            options += ["--steps", str(steps)] if steps else []
            for how in [*chosen, APART] if count > 1 else [ALONE]:
                extra = ["--independent"] if how == APART else ["--backend", how] if how != ALONE else []
                command = ["throughput", target, *(overrides or []), *options, *extra]
                rows.add(count, how, run_bench(command)[0])
    result.finish()
    show(result, _format(result.rows), json_target, plot)


class _Rounds:
    """Rows of all rounds so far, by number of processes and what joins them, kept in ``result``."""

    def __init__(self, result: Result, scaling: str, fewest: int, rounds: int) -> None:
        self._result = result
        self._scaling = scaling
        self._fewest = fewest
        self._rounds = rounds
        self._rows: dict[tuple[int, str], list[Row]] = {}

    def add(self, count: int, how: str, row: Row) -> None:
        """Another round of ``count`` processes; what it is compared with is compared anew."""
        self._rows.setdefault((count, how), []).append(row)
        for mine, its_how in list(self._rows):
            if mine == count:
                self._put(count, its_how)

    def _put(self, count: int, how: str) -> None:
        """The rates of all rounds, against the fewest processes and against independent ones."""
        done = self._rows[count, how]
        row = {**pooled_row(done), "complete": len(done) == self._rounds}
        first = next(rows for (number, _), rows in self._rows.items() if number == self._fewest)
        base = [rate / self._fewest for rate in pooled_row(first)["values"]]
        speedup = ratio_of([rate / count for rate in row["values"]], base)
        row.update(scaling=self._scaling, efficiency=speedup.ratio, efficiency_95=speedup.interval)
        if how not in (APART, ALONE) and (count, APART) in self._rows:
            apart = pooled_row(self._rows[count, APART])
            ratio = ratio_of(row["values"], apart["values"])
            row.update(together_over_independent=ratio.ratio, together_over_independent_95=ratio.interval)
            row["hidden_communication"] = hidden_share(row, apart)
        self._result.put(row["name"], row)


def _format(rows: list[Row]) -> str:
    header = ["processes", "over", "images/s", "range", "efficiency", "95 %", "communication"]
    table: list[list[Any]] = []
    for row in rows:
        interval = row["efficiency_95"]
        over = "nothing" if row["is_independent"] else row["backend"] or ""
        cells = [str(row["processes"]), over, f"{row['median']:,.4g}"]
        cells += [f"{row['lowest']:,.4g} to {row['highest']:,.4g}", f"{row['efficiency']:.1%}"]
        cells += [f"{interval[0]:.1%} to {interval[1]:.1%}" if interval else ""]
        hidden = row.get("hidden_communication")
        table.append([*cells, "" if hidden is None else f"{hidden:.0%} hidden"])
    notes = [
        f"{row['processes']} processes together over {row['backend']} / apart: "
        f"{row['together_over_independent']:.3f}"
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
