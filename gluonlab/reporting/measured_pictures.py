"""Pictures of what `gluonlab bench` measured: rates, scaling, sums over processes, where the time goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.reporting.plots import PALETTE, Draw, add_legend, curve_style, draw_curve, label_axes, render

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]
Result = Mapping[str, Any]

_MANY_BARS = 8
_BAR_INCHES = 0.45
_NAMED_BY = (
    *("model", "mode", "precision", "engine", "image_size", "batch", "processes", "threads", "backend"),
    "is_independent",
)
_FORMS = {
    "image_size": "{} px",
    "batch": "batch {}",
    "processes": "{} process(es)",
    "threads": "{} thread(s)",
}


@dataclass(frozen=True)
class Picture:
    """A titled pair of axes, and what draws on it."""

    title: str
    draw: Draw
    size_inches: tuple[float, float] = (6.4, 3.6)

    def as_svg(self) -> str:
        """The picture as a standalone SVG document."""
        return render([self.draw], "svg", self.title, self.size_inches).decode()


def write_pictures(path: Path, pictures: Sequence[Picture]) -> None:
    """All of ``pictures`` one below the other into a file whose name ends in .png or .svg.

    Raises:
        CheckpointError: CKP01 if it cannot be written.
    """
    height = max(picture.size_inches[1] for picture in pictures)
    form: Literal["svg", "png"] = "svg" if path.suffix == ".svg" else "png"
    drawn = render([picture.draw for picture in pictures], form, path.stem, (6.4, height))
    try:
        path.write_bytes(drawn)
    except OSError as error:
        raise CheckpointError("CKP01", str(path), f"cannot be written: {error.strerror}") from None


def check_picture_file(path: Path) -> None:
    """Refuse a name that is none of a picture; ConfigError CLI02."""
    if path.suffix not in (".png", ".svg"):
        raise ConfigError("CLI02", f"--plot {path}", "is no name of a picture", "end it in .png or .svg")


def pictures_of(results: Sequence[Result]) -> list[Picture]:
    """What can be drawn of ``results``; those of one benchmark are drawn together."""
    rows: dict[str, list[Row]] = {}
    for result in results:
        rows.setdefault(str(result.get("benchmark")), []).extend(result["rows"])
    return [picture for benchmark, found in rows.items() for picture in _pictures(benchmark, found)]


def _pictures(benchmark: str, rows: Sequence[Row]) -> Iterator[Picture]:
    if benchmark in ("throughput", "batch sweep"):
        yield _curves("Throughput by batch", rows, "batch", "images per process and step")
    if benchmark == "thread sweep":
        yield _curves("Throughput by threads", rows, "threads", "threads of a process")
    if benchmark == "data":
        yield _curves("Loading by threads", rows, "data_threads", "loader threads")
    if benchmark == "scaling":
        yield Picture("Scaling", partial(_draw_scaling, rows))
    if benchmark == "allreduce":
        yield Picture("All-reduce", partial(_draw_allreduce, rows))
    split = [row for row in rows if "split_seconds" in row]
    if split:
        bars = min(len(split), 2 * _MANY_BARS)
        yield Picture("Parts of an update", partial(_draw_split, split), (6.4, 1.6 + _BAR_INCHES * bars))


def _curves(title: str, rows: Sequence[Row], key: str, xlabel: str) -> Picture:
    def draw(axes: Axes) -> None:
        _draw_rates(axes, rows, key)
        label_axes(axes, xlabel, "images per second", title)
        axes.set_ylim(bottom=0)

    return Picture(title, draw)


def _draw_rates(axes: Axes, rows: Sequence[Row], key: str) -> None:
    """A curve for whatever else differs between rows."""
    series = _series(rows, key)
    for index, mine in enumerate(series.values()):
        _draw_medians(axes, index, mine, key)
    if len(series) > 1:
        add_legend(axes, axes.lines, list(series))
    _tick_at_values(axes, rows, key)


def _draw_medians(axes: Axes, index: int, rows: Sequence[Row], key: str) -> None:
    """Draw a curve through the medians, and the ranges as bars."""
    ordered = sorted(rows, key=lambda row: float(row[key]))
    x = [row[key] for row in ordered]
    draw_curve(axes, index, [(row[key], row["median"]) for row in ordered])
    lowest, highest = [row["lowest"] for row in ordered], [row["highest"] for row in ordered]
    axes.vlines(x, lowest, highest, color=curve_style(index)[0], linewidth=3.2, alpha=0.35)


def _tick_at_values(axes: Axes, rows: Sequence[Row], key: str) -> None:
    values = sorted({row[key] for row in rows})
    if len(values) <= _MANY_BARS:
        axes.set_xticks(values, [f"{value:,}" for value in values])


def _draw_scaling(rows: Sequence[Row], axes: Axes) -> None:
    """One line for each way to join processes, all from one process on, and the line of no loss."""
    alone = [row for row in rows if row["processes"] == 1]
    joined: dict[str, list[Row]] = {}
    for row in rows:
        if row["processes"] > 1:
            joined.setdefault("apart" if row["is_independent"] else row["backend"], []).append(row)
    for index, mine in enumerate(joined.values()):
        _draw_medians(axes, index, [*alone, *mine], "processes")
    first = min(rows, key=lambda row: int(row["processes"]))
    counts = sorted({row["processes"] for row in rows})
    per_process = first["median"] / first["processes"]
    (no_loss,) = axes.plot(counts, [count * per_process for count in counts], color="#999999", linewidth=1)
    add_legend(axes, [*axes.lines[: len(joined)], no_loss], [*joined, "no loss"])
    _tick_at_values(axes, rows, "processes")
    label_axes(axes, "processes", "images per second", f"Scaling ({first['scaling']})")
    axes.set_ylim(bottom=0)


def _draw_allreduce(rows: Sequence[Row], axes: Axes) -> None:
    from matplotlib.ticker import EngFormatter

    series: dict[str, list[Row]] = {}
    for row in rows:
        series.setdefault(f"{row['backend']}, {row['processes']} processes", []).append(row)
    for index, mine in enumerate(series.values()):
        _draw_medians(axes, index, mine, "bytes")
    if len(series) > 1:
        add_legend(axes, axes.lines, list(series))
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(EngFormatter("B"))
    label_axes(axes, "bytes summed", "GB/s", "All-reduce: bytes summed by time")
    axes.set_ylim(bottom=0)


def _draw_split(rows: Sequence[Row], axes: Axes) -> None:
    """A bar for each row, a piece for each part, and a mark where a step ends without waits in between."""
    parts = [part for part in rows[0]["split_seconds"] if part != "hidden"]
    names = [_name(row, rows) or str(row["model"]) for row in rows]
    left = [0.0] * len(rows)
    bars = []
    for part, colour in zip(parts, PALETTE):
        widths = [1e3 * row["split_seconds"][part] for row in rows]
        bars.append(axes.barh(range(len(rows)), widths, left=left, height=0.6, color=colour))
        left = [start + width for start, width in zip(left, widths)]
    axes.set_yticks(range(len(rows)), names)
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    label_axes(axes, "milliseconds, with a wait after each part", "", "Parts of an update")
    axes.grid(visible=False, axis="y")
    axes.set_ylim(len(rows) + 0.9, -0.6)  # the first on top, and room for the key below the last
    add_legend(axes, bars, parts, "lower center", columns=3)


def _series(rows: Sequence[Row], x_key: str) -> dict[str, list[Row]]:
    """Rows that differ in ``x_key`` only go together; the name of a series is what tells it from others."""
    series: dict[str, list[Row]] = {}
    for row in rows:
        series.setdefault(_name(row, rows, x_key), []).append(row)
    return series


def _name(row: Row, rows: Sequence[Row], x_key: str = "") -> str:
    """What of ``row`` is not the same in all ``rows``."""
    keys = [key for key in _NAMED_BY if key != x_key and len({one.get(key) for one in rows}) > 1]
    return ", ".join(filter(None, (_word(key, row) for key in keys)))


def _word(key: str, row: Row) -> str:
    value = row.get(key)
    if key == "is_independent":
        return "apart" if value else ""
    if key == "backend" and row.get("is_independent"):
        return ""
    if key == "engine":
        return str(value or "network")
    return "" if value is None else _FORMS.get(key, "{}").format(value)
