"""Curves and what else is drawn, as SVG or PNG: the same input gives the same bytes, and no state of
matplotlib is kept.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Optional

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito's colours without yellow, which is too pale on white. Hues and dashes cycle with
# different lengths, so that 28 curves differ and neighbours can be told apart in a grey print too.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", ":")
_FEW_POINTS = 40
_DOTS_PER_INCH = 150
"""Of a PNG file."""

Point = tuple[float, Optional[float]]
Band = Sequence[tuple[float, float, float]]
"""(x, low, high) each."""
Draw = Callable[["Axes"], None]
"""Fills a pair of axes."""

_SETTINGS = {
    "svg.fonttype": "none",  # text stays text: small, searchable, in the reader's font
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.unicode_minus": True,
}


def curve_style(index: int) -> tuple[str, str]:
    """Colour and matplotlib dash style of the curve with this ``index``."""
    return PALETTE[index % len(PALETTE)], _DASHES[index % len(_DASHES)]


def curves_svg(
    series: Mapping[str, Sequence[Point]],
    xlabel: str,
    ylabel: str,
    title: str = "",
    is_log: bool = False,
    is_log_x: bool = False,
    is_percent: bool = False,
    from_zero: bool = False,
    size_inches: tuple[float, float] = (6.4, 3.6),
    bands: Mapping[str, Band] = MappingProxyType({}),
) -> str:
    """One figure with a curve of (x, y) points per name, as a standalone SVG document.

    A y of None or NaN leaves a gap. ``is_log``: logarithmic y; ``is_log_x``: x doubles at equal
    distances, with a tick at each x; ``is_percent``: y is a fraction and
    shown in percent; ``from_zero``: y begins at 0 unless values lie below. A single curve has no legend.
    ``bands`` are drawn behind the curves of the same names.
    """

    def draw(axes: Axes) -> None:
        for index, (name, points) in enumerate(series.items()):
            _draw_band(axes, index, bands.get(name, ()))
            draw_curve(axes, index, points)
        label_axes(axes, xlabel, ylabel, title)
        _scale_axes(axes, is_log, is_percent, from_zero)
        if is_log_x:
            _double_x(axes, {x for points in series.values() for x, _ in points})
        if len(series) > 1:
            add_legend(axes, axes.lines, list(series))

    return render([draw], "svg", f"{title} {xlabel} {ylabel}", size_inches).decode()


def render(
    draws: Sequence[Draw],
    form: Literal["svg", "png"],
    salt: str,
    size_inches: tuple[float, float] = (6.4, 3.6),
) -> bytes:
    """One file with a pair of axes of ``size_inches`` for each of ``draws``, one below the other.

    ``salt`` goes into the ids of an SVG document, which have to differ between the figures of one page.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": f"gluonlab {salt}"}):
        width, height = size_inches
        figure = Figure(figsize=(width, height * len(draws)), layout="constrained", facecolor="white")
        (FigureCanvasSVG if form == "svg" else FigureCanvasAgg)(figure)
        for draw, axes in zip(draws, figure.subplots(len(draws), squeeze=False)[:, 0]):
            draw(axes)
        # Without the metadata there is neither a date nor a version in the file.
        unsaid = ("Date", "Creator", "Format", "Type") if form == "svg" else ("Software",)
        file = io.BytesIO()
        figure.savefig(file, format=form, metadata=dict.fromkeys(unsaid), dpi=_DOTS_PER_INCH)
    return file.getvalue()


def draw_curve(axes: Axes, index: int, points: Sequence[Point]) -> None:
    """Points in the style of this ``index``, joined."""
    colour, dash = curve_style(index)
    marker = "o" if len(points) <= _FEW_POINTS else ""
    x = [point[0] for point in points]
    y = [math.nan if point[1] is None else point[1] for point in points]
    axes.plot(x, y, color=colour, linestyle=dash, linewidth=1.6, marker=marker, markersize=3.2)


def _draw_band(axes: Axes, index: int, band: Band) -> None:
    if band:
        x, low, high = zip(*band)
        axes.fill_between(x, low, high, color=curve_style(index)[0], alpha=0.18, linewidth=0)


def label_axes(axes: Axes, xlabel: str, ylabel: str, title: str) -> None:
    """Names, a grid, and no frame."""
    axes.set_xlabel(xlabel, parse_math=False)
    axes.set_ylabel(ylabel, parse_math=False)
    if title:
        axes.set_title(title, loc="left", fontsize=11, fontweight="bold", parse_math=False)
    axes.grid(color="#d9d9d9", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color("#666666")
    axes.tick_params(color="#666666", labelcolor="#333333")


def _scale_axes(axes: Axes, is_log: bool, is_percent: bool, from_zero: bool) -> None:
    from matplotlib.ticker import LogFormatter, PercentFormatter, StrMethodFormatter

    if is_log:
        axes.set_yscale("log")
        # Plain text, as everywhere else: the default sets powers of ten as mathematics.
        axes.yaxis.set_major_formatter(LogFormatter())
        axes.yaxis.set_minor_formatter(LogFormatter(labelOnlyBase=False, minor_thresholds=(1.5, 0.5)))
        return
    if from_zero and axes.dataLim.y0 >= 0:
        axes.set_ylim(bottom=0.0)
    if is_percent:
        axes.yaxis.set_major_formatter(PercentFormatter(xmax=1.0))
    elif axes.get_ylim()[1] >= 1000:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _double_x(axes: Axes, values: set[float]) -> None:
    ticks = sorted(values)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes.set_xticks([], minor=True)


def add_legend(
    axes: Axes, handles: Sequence[Any], names: Sequence[str], place: str = "best", columns: int = 1
) -> None:
    """A key with one of ``names`` for each of ``handles``."""
    look = {"fontsize": 9, "framealpha": 0.85, "edgecolor": "#d9d9d9"}
    legend = axes.legend(handles, [" "] * len(names), loc=place, ncols=columns, **look)
    for text, name in zip(legend.get_texts(), names):
        # A name goes in afterwards: legend() would drop "_name" and read "$" as mathematics.
        text.set_parse_math(False)
        text.set_text(name)
