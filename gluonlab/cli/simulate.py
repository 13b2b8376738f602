"""``gluonlab simulate``: what a recipe would do on a cluster, before it is rented."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Optional

import typer

from gluonlab.build.cluster import Job, build_cluster, build_jobs, build_overheads
from gluonlab.cli.output import JSON_OPTION, check_json_target, format_table, write_json
from gluonlab.config import load_config
from gluonlab.config.cluster import ClusterFile, load_cluster
from gluonlab.config.schema import Config
from gluonlab.disk import writing
from gluonlab.errors import ConfigError
from gluonlab.simulate.convergence import epochs_to_target
from gluonlab.simulate.training import price, training_time
from gluonlab.simulate.update import Cluster, efficiency, images_per_second, simulate_update
from gluonlab.simulate.what_if import rank_changes

Row = dict[str, Any]


def simulate(
    recipe: Path = typer.Argument(..., metavar="CONFIG", help="recipe:NAME, or a file (YAML)."),
    overrides: Optional[list[str]] = typer.Argument(None, metavar="[key=value]...", help="Override keys."),
    cluster: Path = typer.Option(
        ..., "--cluster", metavar="NAME|FILE", help="Cluster that ships, or a file (YAML)."
    ),
    gpus: str = typer.Option(..., "--gpus", metavar="N[,N...]", help="Numbers of GPUs."),
    is_weak: bool = typer.Option(
        False, "--weak", help="One worker batch per GPU: the global batch grows with the GPUs."
    ),
    what_if: bool = typer.Option(False, "--what-if", help="List the changes that would help most."),
    plot: Optional[Path] = typer.Option(None, "--plot", metavar="FILE", help="Draw the efficiency as SVG."),
    json_target: Optional[str] = JSON_OPTION,
) -> None:
    """Predict speed, time and cost of a recipe on a cluster.

    Example: gluonlab simulate recipe:imagenet/resnet50_goyal_8k
    --cluster dgx1_p100 --gpus 8,64,256 --what-if
    """
    check_json_target(json_target)
    counts = _parse_counts(gpus)

    config, file = _load(recipe, overrides or [], cluster)
    jobs = build_jobs(config, file, counts, is_weak)
    machine = build_cluster(file)
    rows = [_predict(job, machine, file) for job in jobs]
    is_imagenet_resnet50 = config.model.name.startswith("resnet50") and config.data.classes == 1000
    result: Row = {"recipe": str(recipe), "cluster": file.name, "epochs": config.epochs, "rows": rows}
    if is_imagenet_resnet50:
        for row in rows:
            _add_epochs_to_target(row, config.epochs)
    if what_if:
        result["what_if"] = _changes(jobs[-1], machine)
    if plot:
        _write_plot(plot, file.name, rows)
    if not (write_json(result, json_target) and json_target == "-"):
        typer.echo(_format(result, jobs))


def _parse_counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise ConfigError("CLI02", f"--gpus {text}", "is not a list of positive numbers", "such as 8,64,256")
    return counts


def _load(recipe: Path, overrides: list[str], cluster: Path) -> tuple[Config, ClusterFile]:
    """Both files; the problems of both are told at once."""
    try:
        config = load_config(recipe, overrides)
    except ConfigError as recipe_error:
        try:
            load_cluster(cluster)
        except ConfigError as cluster_error:
            problems = [*recipe_error.problems, *cluster_error.problems]
            raise ConfigError.from_problems(problems) from None
        raise
    return config, load_cluster(cluster)


def _predict(job: Job, machine: Cluster, file: ClusterFile) -> Row:
    update = simulate_update(machine, job.work, job.gpus)
    run = training_time(job.calendar, build_overheads(file), update.seconds, job.work, job.gpus)
    row: Row = {
        "gpus": job.gpus,
        "global_batch_size": job.global_batch_size,
        "images_per_gpu": job.work.images,
        "passes_per_update": job.work.passes,
        "images_per_sec": images_per_second(update, job.work, job.gpus),
        "efficiency": efficiency(update),
        "sec_per_step": update.seconds,
        "compute_seconds": update.compute_seconds,
        "contention_seconds": update.contention_seconds,
        "communication_seconds": update.communication_seconds,
        "straggler_seconds": update.straggler_seconds,
        "optimizer_seconds": update.optimizer_seconds,
        "input_seconds": update.input_seconds,
        "steps": job.calendar.steps,
        "train_seconds": run.seconds,
        "validation_seconds": run.validation_seconds,
        "checkpoint_seconds": run.checkpoint_seconds,
        "startup_seconds": run.startup_seconds,
        "notes": list(job.notes),
    }
    if file.dollars_per_gpu_hour is not None:
        row["dollars"] = price(run.seconds, job.gpus, file.dollars_per_gpu_hour)
    return row


def _add_epochs_to_target(row: Row, epochs: float) -> None:
    """Epochs and time to 75.9 % with LARS, as far as points are published."""
    found = epochs_to_target(row["global_batch_size"])
    if found is None:
        return
    names = {"mean": found.epochs, "least": found.least, "most": found.most}
    row["epochs_to_759"] = names
    row["train_seconds_to_759"] = {name: row["train_seconds"] * n / epochs for name, n in names.items()}


def _changes(job: Job, machine: Cluster) -> Row:
    return {"gpus": job.gpus, "changes": [asdict(gain) for gain in rank_changes(machine, job.work, job.gpus)]}


def _format(result: Row, jobs: list[Job]) -> str:
    rows = result["rows"]
    parts = ("compute", "contention", "communication", "straggler", "optimizer", "input")
    header = ["GPUs", "batch", "images/s", "efficiency", "step ms", *(f"{part} ms" for part in parts), "time"]
    has_price = "dollars" in rows[0]
    table = []
    for row in rows:
        cells = [f"{row['gpus']:,}", f"{row['global_batch_size']:,}", f"{row['images_per_sec']:,.0f}"]
        cells += [f"{row['efficiency']:.1%}", f"{1e3 * row['sec_per_step']:,.1f}"]
        cells += [f"{1e3 * row[f'{part}_seconds']:,.1f}" for part in parts]
        cells += [format_duration(row["train_seconds"])]
        table.append(cells + ([f"{row['dollars']:,.0f}"] if has_price else []))
    lines = [f"{result['recipe']} on {result['cluster']}: predicted, {result['epochs']:g} epochs"]
    header += ["dollars"] if has_price else []
    lines += ["", format_table(header, _right_aligned(header, table))]
    targets = [row for row in rows if "epochs_to_759" in row]
    if targets:
        lines += ["", "to 75.9 % top-1 with LARS as tuned in MLPerf's reference points (least to most):"]
        lines += [_format_target(row) for row in targets]
    notes = dict.fromkeys(note for job in jobs for note in job.notes)
    lines += ["", *(f"note: {note}" for note in notes)] if notes else []
    if "what_if" in result:
        lines += ["", f"what would help, on {result['what_if']['gpus']:,} GPUs:"]
        helpful = [gain for gain in result["what_if"]["changes"] if gain["speedup"] >= 1.001]
        lines += [f"{gain['speedup'] - 1:>+8.1%}  {gain['change']}" for gain in helpful]
        lines += [] if helpful else ["nothing: the GPUs compute all the time"]
    return "\n".join(lines)


def _right_aligned(header: list[str], rows: list[list[str]]) -> list[list[str]]:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    return [[cell.rjust(width) for cell, width in zip(row, widths)] for row in rows]


def _format_target(row: Row) -> str:
    epochs, seconds = row["epochs_to_759"], row["train_seconds_to_759"]
    return (
        f"{row['gpus']:>8,} GPUs, batch {row['global_batch_size']:,}: {epochs['mean']:.0f} epochs "
        f"({epochs['least']:.0f} to {epochs['most']:.0f}), {format_duration(seconds['mean'])} "
        f"({format_duration(seconds['least'])} to {format_duration(seconds['most'])})"
    )


def format_duration(seconds: float) -> str:
    """Two units, as in ``1 h 02 min``; below ten minutes ``8.5 min``, below two minutes ``90 s``."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    minutes = round(seconds / 60)
    hours, days = minutes // 60, minutes // 1440
    if days >= 2:
        return f"{days} d {hours % 24:02d} h"
    return f"{hours} h {minutes % 60:02d} min" if hours else f"{minutes} min"


def _write_plot(path: Path, name: str, rows: list[Row]) -> None:
    from gluonlab.reporting.plots import curves_svg  # imports matplotlib

    curve = [(float(row["gpus"]), row["efficiency"]) for row in rows]
    picture = curves_svg({name: curve}, "GPUs", "efficiency", title=name, is_log_x=True, is_percent=True)
    with writing(path):
        path.write_text(picture, encoding="utf-8")
