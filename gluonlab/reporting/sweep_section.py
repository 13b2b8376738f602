"""A sweep in the HTML report: its result against each key, and a table of all runs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from gluonlab.reporting.html_page import figure, numbers_table
from gluonlab.reporting.plots import PALETTE, add_legend, label_axes, render
from gluonlab.reporting.run_files import CONFIG
from gluonlab.sweep.record import DIVERGED, FAILED, FINISHED, Sweep, Trial

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_RUNS = 10
_LOOKS = {"finished": ("o", PALETTE[0]), "not to its end": ("o", "#bbbbbb"), "diverged": ("x", PALETTE[1])}


def best_runs(sweep: Sweep) -> list[Path]:
    """The folders of its best runs, `SHOWN_RUNS` at most, those that came to their end first."""
    ranked = sorted(
        sweep.trials, key=lambda trial: (trial.state != FINISHED, -(trial.top1 or 0.0), trial.number)
    )
    folders = [sweep.folder / trial.name for trial in ranked]
    return [folder for folder in folders if (folder / CONFIG).is_file()][:SHOWN_RUNS]


def sweep_section(sweep: Sweep) -> str:
    """A figure for each key, then all runs, the best first."""
    figures = "\n".join(_figure(sweep, key) for key in sweep.definition["over"])
    said = [f"{len(sweep.trials)} runs; curves and configurations below are those of the best"]
    if sweep.best:
        values = " ".join(f"{key}={value}" for key, value in sweep.best.values.items())
        said.insert(0, f"best: {values}, top-1 {sweep.best.top1:.2%}")
    return "\n".join(
        [
            f"<h2>Sweep {escape(sweep.folder.name)}</h2>",
            *(f'<p class="soft">{escape(line)}</p>' for line in said),
            f'<div class="figures">\n{figures}\n</div>',
            _table(sweep),
        ]
    )


def _figure(sweep: Sweep, key: str) -> str:
    title = f"Top-1 against {key}"
    svg = render([partial(_draw, sweep, key)], "svg", f"{sweep.folder.name} {title}").decode()
    return figure(svg, title)


def _draw(sweep: Sweep, key: str, axes: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    places = _places([trial.values[key] for trial in sweep.trials])
    handles = {}
    for name, (marker, colour) in _LOOKS.items():
        mine = [trial for trial in sweep.trials if _look_of(trial) == name]
        if mine:
            x = [places[trial.values[key]] for trial in mine]
            y = [0.0 if name == "diverged" else trial.top1 or 0.0 for trial in mine]
            (handles[name],) = axes.plot(x, y, marker=marker, color=colour, linestyle="", markersize=5)
    label_axes(axes, key, "top-1", f"Top-1 against {key}")
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    if str(sweep.definition["over"][key]).startswith("log:"):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
    elif not _are_numbers(list(places)):
        axes.set_xticks(list(places.values()), list(places))
        for label in axes.get_xticklabels():
            label.set_parse_math(False)
    if len(handles) > 1:
        add_legend(axes, list(handles.values()), list(handles))


def _look_of(trial: Trial) -> str:
    if trial.state == FINISHED:
        return "finished"
    return "diverged" if trial.state == DIVERGED else "not to its end"


def _places(values: Sequence[str]) -> dict[str, float]:
    """Where each value is on its axis: at itself, or in a row where they are no numbers."""
    unique = list(dict.fromkeys(values))
    if _are_numbers(unique):
        return {value: float(value) for value in unique}
    return {value: float(place) for place, value in enumerate(unique)}


def _are_numbers(values: Sequence[str]) -> bool:
    try:
        return all(float(value) == float(value) for value in values)
    except ValueError:
        return False


def _table(sweep: Sweep) -> str:
    keys = list(sweep.definition["over"])
    ranked = sorted(sweep.trials, key=lambda trial: (-trial.epoch, -(trial.top1 or 0.0), trial.number))
    rows = [
        [
            escape(trial.name),
            *(escape(trial.values[key]) for key in keys),
            "–" if trial.top1 is None else f"{trial.top1:.2%}",
            "–" if trial.val_loss is None else f"{trial.val_loss:.4g}",
            f"{trial.epoch:g}",
            escape(f"{trial.state} ({trial.message})" if trial.state == FAILED else trial.state),
        ]
        for trial in ranked
    ]
    return numbers_table(["run", *keys, "top-1", "val loss", "epochs", "state"], rows)
