"""Sections of HTML about runs: a table of their results, their curves, and where their recipes differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from gluonlab.reporting.console import format_duration
from gluonlab.reporting.html_page import figure, numbers_table, pairs_table
from gluonlab.reporting.plots import Band, Point, curve_style, curves_svg
from gluonlab.reporting.run_files import latest_by_step
from gluonlab.reporting.runs import RunRecord
from gluonlab.reporting.seeds import SeedGroup, mean_and_band
from gluonlab.reporting.useful_batch import largest_useful_batch, smoothed_rows

_RESULTS = (
    *("run", "top-1", "top-5", "val loss", "train loss", "steps", "epochs", "batch", "useful", "W", "P"),
    *("img/s", "wall time", "weights"),
)
_HASH_DIGITS = 8
_NEVER_EQUAL = frozenset({"run_dir", "directory", "started"})

# title, kind of row, value, label of y, whether y is a fraction
_FIGURES = (
    ("Training loss", "train", "loss", "loss", False),
    ("Validation top-1", "validation", "top1", "top-1", True),
    ("Gradient noise scale, smoothed", "train", "noise_scale", "images", False),
    ("Learning rate", "train", "learning_rate", "learning rate", False),
    ("Throughput", "train", "images_per_sec", "images per second", False),
)

NamedRuns = dict[str, RunRecord]


def name_runs(records: Sequence[RunRecord]) -> NamedRuns:
    """Records by the name of their directory, or by its whole path where a name would repeat."""
    paths = [record.path.resolve() for record in records]
    names = [path.name for path in paths]
    return {
        str(path) if names.count(path.name) > 1 else path.name: record for path, record in zip(paths, records)
    }


def results_section(runs: NamedRuns, groups: Sequence[SeedGroup]) -> str:
    """HTML: a row for each of ``runs``, with the line that its group is drawn with; divergences below."""
    curve_of = {name: index for index, group in enumerate(groups) for name in group.runs}
    rows = [_result_row(curve_of[name], name, record) for name, record in runs.items()]
    note = (
        "useful: largest batch worth using, the gradient noise scale of the second half (McCandlish et al. "
        "2018); W: virtual workers, P: processes; img/s: images per second of all processes."
    )
    table = f'<h2>Results</h2>\n{numbers_table(_RESULTS, rows)}\n<p class="soft note">{note}</p>'
    return "\n".join([table, *filter(None, map(_divergence_line, runs, runs.values()))])


def _divergence_line(name: str, record: RunRecord) -> str:
    """A line about the first loss of the run that was far above its history, if there was one."""
    divergences = latest_by_step(record.rows, "divergence")
    if not divergences:
        return ""
    first = divergences[0]
    what = "validation" if first.get("is_validation") else "training"
    return (
        f"<p><strong>{escape(name)} diverged</strong> at step {first['step']:,}: {what} loss "
        f"{_show(first, 'loss', '{:.4g}')}, usual {_show(first, 'usual', '{:.4g}')}, "
        f"learning rate {_show(first, 'learning_rate', '{:.4g}')}</p>"
    )


def _result_row(index: int, name: str, record: RunRecord) -> list[str]:
    result = {**_latest_values(record), **record.summary}
    tag = "" if record.summary else '<span class="tag">not finished</span>'
    wall = result.get("wall_seconds")
    digest = result.get("weights_sha256")
    return [
        f"{_line_sample(index)}{escape(name)}{tag}",
        _show(result, "top1", "{:.2%}"),
        _show(result, "top5", "{:.2%}"),
        _show(result, "val_loss", "{:.4f}"),
        _show(result, "train_loss", "{:.4f}"),
        _show(result, "steps", "{:,}"),
        _show(result, "epochs", "{:.4g}"),
        _show(result, "global_batch_size", "{:,}"),
        _show(result, "largest_useful_batch", "{:,.0f}"),
        _show(result, "virtual_workers", "{:,}"),
        _show(result, "processes", "{:,}"),
        _show(result, "images_per_sec", "{:,.0f}"),
        format_duration(wall) if isinstance(wall, (int, float)) else "–",
        f"<code>{escape(digest[:_HASH_DIGITS])}</code>" if isinstance(digest, str) else "–",
    ]


def _latest_values(record: RunRecord) -> dict[str, Any]:
    """What a summary would say, as far as the rows of an unfinished run tell."""
    train = (latest_by_step(record.rows, "train") or [{}])[-1]
    validation = (latest_by_step(record.rows, "validation") or [{}])[-1]
    return {
        "steps": train.get("step"),
        "epochs": train.get("epoch"),
        "train_loss": train.get("loss"),
        "images_per_sec": train.get("images_per_sec"),
        "val_loss": validation.get("loss"),
        "top1": validation.get("top1"),
        "top5": validation.get("top5"),
        "global_batch_size": record.config.get("global_batch_size"),
        "largest_useful_batch": largest_useful_batch(record.rows),
    }


def _show(values: dict[str, Any], key: str, form: str) -> str:
    value = values.get(key)
    return form.format(value) if isinstance(value, (int, float)) else "–"


def _line_sample(index: int) -> str:
    """A short piece of the run's curve, so that the table is the figures' key."""
    colour, dash = curve_style(index)
    pattern = {"-": "", "--": "6 3", "-.": "6 2 1.5 2", ":": "1.5 2"}[dash]
    line = f'<path d="M0 5H22" stroke="{colour}" stroke-width="3" stroke-dasharray="{pattern}"/>'
    return f'<svg class="chip" viewBox="0 0 22 10" aria-hidden="true">{line}</svg>'


def curves_section(groups: Sequence[SeedGroup]) -> str:
    """HTML: a figure for each value, with a curve for each of ``groups``: of several runs their mean."""
    figures = []
    names = [name for group in groups for name in group.runs]
    for title, kind, value, ylabel, is_percent in _FIGURES:
        series: dict[str, Sequence[Point]] = {}
        bands: dict[str, Band] = {}
        for group in groups:
            curves = [_points(record, kind, value) for record in group.runs.values()]
            series[group.name], bands[group.name] = (
                mean_and_band(curves) if len(curves) > 1 else (curves[0], ())
            )
        if any(y is not None for points in series.values() for _, y in points):
            svg = curves_svg(
                series,
                "epoch",
                ylabel,
                title,
                is_percent=is_percent,
                from_zero=kind == "train",
                is_log=value == "noise_scale",
                bands=bands,
            )
            figures.append(figure(svg, f"{title} against epoch: {', '.join(names)}"))
    if not figures:
        return '<h2>Curves</h2>\n<p class="soft">Nothing was logged yet.</p>'
    note = '<p class="soft note">Bands: one standard deviation over runs that differ in their seed only.</p>'
    has_bands = any(len(group.runs) > 1 for group in groups)
    grid = '<div class="figures">\n' + "\n".join(figures) + "\n</div>"
    return "\n".join(["<h2>Curves</h2>", grid, *([note] if has_bands else [])])


def _points(record: RunRecord, kind: str, value: str) -> list[Point]:
    rows = smoothed_rows(record.rows) if kind == "train" else latest_by_step(record.rows, kind)
    points = ((row.get("epoch"), row.get(value)) for row in rows)
    return [(x, y if isinstance(y, (int, float)) else None) for x, y in points if isinstance(x, (int, float))]


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested objects as dotted keys with their values as text."""
    if isinstance(value, dict) and value:
        flat: dict[str, str] = {}
        for key, item in value.items():
            flat.update(flatten(item, f"{prefix}.{key}" if prefix else str(key)))
        return flat
    return {prefix: value if isinstance(value, str) else json.dumps(value)}


def differing_keys(configs: Sequence[dict[str, str]]) -> list[str]:
    """The keys of flat ``configs`` whose values are not the same in all, but for those that never are."""
    keys = dict.fromkeys(key for config in configs for key in config)
    return [
        key for key in keys if key not in _NEVER_EQUAL and len({config.get(key) for config in configs}) > 1
    ]


def differences_section(runs: NamedRuns) -> list[str]:
    """HTML: where the configurations of ``runs`` differ; nothing for a single one."""
    if len(runs) == 1:
        return []
    configs = [flatten(record.config) for record in runs.values()]
    rows = [(key, [config.get(key, "–") for config in configs]) for key in differing_keys(configs)]
    if not rows:
        return ['<h2>Differences</h2>\n<p class="soft">All runs have the same configuration.</p>']
    table = pairs_table(rows, header=["key", *runs])
    return [f'<h2>Differences</h2>\n<div class="card">{table}</div>']
