"""``gluonlab schedule``: the learning-rate curve of a recipe, before anything is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from gluonlab.build.plan import learning_rate_milestones, plan_schedule
from gluonlab.cli.output import JSON_OPTION, write_json
from gluonlab.config import load_config
from gluonlab.disk import writing

CURVE_WIDTH, CURVE_HEIGHT = 72, 12


def schedule(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    plot: Optional[Path] = typer.Option(None, "--plot", metavar="FILE", help="Draw the curve as SVG."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Show learning rate, batch and steps of a recipe.

    Example: gluonlab schedule recipe:imagenet/resnet50_goyal_8k
    """
    config = load_config(recipe, overrides or [])
    calendar, rate = plan_schedule(config)
    steps = calendar.total_steps(config.epochs)
    milestones = learning_rate_milestones(config, calendar, rate)
    if plot:
        _write_plot(plot, recipe.stem, [(calendar.epoch_at(step), rate(step)) for step in range(steps)])
    result = {
        "global_batch_size": config.global_batch_size,
        "worker_batch_size": config.worker_size,
        "virtual_workers": config.virtual_workers,
        "steps": steps,
        "steps_per_epoch": float(calendar.steps_per_epoch),
        "milestones": milestones,
    }
    if write_json(result, json_target) and json_target == "-":
        return
    typer.echo(
        f"{recipe}: batch {config.global_batch_size:,} = {config.virtual_workers:,} virtual workers x "
        f"{config.worker_size}, {steps:,} steps = {config.epochs:g} epochs of "
        f"{float(calendar.steps_per_epoch):,.2f}"
    )
    typer.echo(draw_curve([rate(step * (steps - 1) // (CURVE_WIDTH - 1)) for step in range(CURVE_WIDTH)]))
    typer.echo(f"{'step':>10}  {'epoch':>8}  learning rate")
    for point in milestones:
        typer.echo(f"{point['step']:>10,}  {point['epoch']:>8.2f}  {point['learning_rate']:.6g}")


def draw_curve(values: list[float]) -> str:
    """``values`` as bars of text, from zero to their maximum; one column each."""
    top = max(values) or 1.0
    rows = []
    for row in range(CURVE_HEIGHT, 0, -1):
        threshold = top * (row - 0.5) / CURVE_HEIGHT
        bars = "".join("█" if value >= threshold else " " for value in values)
        rows.append(f"{top * row / CURVE_HEIGHT:>10.4g} │{bars}".rstrip())
    return "\n".join([*rows, f"{0:>10.4g} └{'─' * len(values)}"])


def _write_plot(path: Path, name: str, points: list[tuple[float, float]]) -> None:
    from gluonlab.reporting.plots import curves_svg  # imports matplotlib

    with writing(path):
        path.write_text(curves_svg({name: points}, "epoch", "learning rate"), encoding="utf-8")
