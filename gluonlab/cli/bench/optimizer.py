"""``gluonlab bench optimizer``: what one update costs with each rule."""

from __future__ import annotations

from typing import Optional

import typer

from gluonlab.bench.result import Row
from gluonlab.bench.statistics import summarize
from gluonlab.build.benchmark import benchmark_config, benchmark_run
from gluonlab.cli.bench.session import THREADS_OPTION, is_oversubscribed, join_with_threads, open_result, show
from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table
from gluonlab.optim import OPTIMIZERS

ALL = ",".join(OPTIMIZERS)


def optimizer(
    target: str = typer.Argument("resnet50_v1b", metavar="MODEL|CONFIG", help="Whose parameters."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    names: str = typer.Option(ALL, "--names", metavar="NAME[,NAME...]", help="Values of optimizer.name."),
    threads: Optional[int] = THREADS_OPTION,
    rounds: int = typer.Option(10, "--rounds", min=1, help="Rounds; in each, all rules take turns."),
    updates: int = typer.Option(5, "--updates", min=1, help="Updates of each rule in a round."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Measure one update of all parameters with each rule.

    Example: gluonlab bench optimizer resnet50_v1b --names sgd,lars
    """
    check_json_target(json_target)

    configs = {
        name: benchmark_config(target, [f"optimizer.name={name}", *(overrides or [])], processes=1)
        for name in names.split(",")
    }
    world, chosen = join_with_threads(threads)
    from gluonlab.bench.optimizer import measure_updates
    from gluonlab.models.inspection import count_parameters

    is_crowded = is_oversubscribed(world, chosen)
    result = open_result("optimizer", json_target, world.rank)
    runs = [benchmark_run(config, world, has_gradients=True) for config in configs.values()]
    tensors = len(runs[0].workers.gradients)
    parameters = count_parameters(runs[0].state.net)
    for number, seconds in enumerate(measure_updates(runs, rounds, updates), 1):
        for (name, config), times in zip(configs.items(), seconds):
            row: Row = {"unit": "s", "higher_is_better": False, **summarize(times), "optimizer": name}
            row.update(model=config.model.name, tensors=tensors, parameters=parameters, threads=chosen)
            row["is_oversubscribed"] = is_crowded
            title = f"update {name}, {config.model.name}, {chosen} thread(s)"
            result.put(title, row, is_complete=number == rounds)
    result.finish()
    show(result, _format(result.rows), json_target)


def _format(rows: list[Row]) -> str:
    first = rows[0]
    fastest = min(row["median"] for row in rows)
    table = [
        [
            row["optimizer"],
            f"{1e3 * row['median']:.2f}",
            f"{1e3 * row['lowest']:.2f} to {1e3 * row['highest']:.2f}",
            f"{row['median'] / fastest:.2f}",
        ]
        for row in rows
    ]
    title = (
        f"one update of {first['model']}: {first['tensors']} tensors, {first['parameters']:,} parameters, "
        f"{first['threads']} thread(s)"
    )
    return "\n".join([title, "", format_table(["rule", "ms", "range", "of the fastest"], table)])
