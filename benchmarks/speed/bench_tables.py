"""Write the tables and pictures of docs/benchmarks.md from the files in benchmarks/results/bench.

`python -m benchmarks.pages` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Optional

from benchmarks.tables import ROOT, Sections
from gluonlab.reporting.measured_pictures import pictures_of

PAGE = ROOT / "docs/benchmarks.md"
BENCH = "benchmarks/results/bench"
FEWEST_VALUES = 6
"""That give a median a 95 % interval."""

Row = dict[str, Any]
Result = dict[str, Any]


def render_throughput(results: Path) -> str:
    """Training: the rate, the share of the peak, and the parts of an update."""
    result = _read(results, "resnet50_synthetic")
    header = ("batch", "images/s", "range", "95 %", "ms p50", "p99", "of peak", "memory", "bound by")
    rows = [
        (
            row["batch"],
            *_rate(row),
            f"{row['ms_per_step']['p50']:,.0f}",
            f"{row['ms_per_step']['p99']:,.0f}",
            f"{row['utilisation']:.0%}",
            f"{row['peak_memory_bytes'] / 2**30:.2f} GiB",
            row["bound_by"],
        )
        for row in result["rows"]
    ]
    return _table(header, rows) + _origin(result, "resnet50_synthetic")


def render_inference(results: Path) -> str:
    """Each engine at each batch."""
    result = _read(results, "resnet50_inference")
    rows = [
        (row["engine"], row["batch"], *_rate(row), f"{row['ms_per_step']['p50']:,.1f}")
        for row in sorted(result["rows"], key=lambda row: (row["batch"], row["median"]))
    ]
    header = ("engine", "batch", "images/s", "range", "95 %", "ms of a call, p50")
    return _table(header, rows) + _origin(result, "resnet50_inference")


def render_scaling(results: Path) -> str:
    """Processes together, over Horovod and the kvstore, and apart."""
    result = _read(results, "resnet50_scaling")
    rows = []
    for row in result["rows"]:
        over = "nothing" if row["is_independent"] else row["backend"] or ""
        ratio = row.get("together_over_independent")
        hidden = row.get("hidden_communication")
        rows.append(
            (
                row["processes"],
                over,
                *_rate(row),
                f"{row['efficiency']:.1%}{_interval(row['efficiency_95'], '{:.1%}')}",
                f"{ratio:.3f}" if ratio else "",
                f"{hidden:.0%}" if hidden is not None else "",
            )
        )
    header = ("processes", "over", "images/s", "range", "95 %", "efficiency", "together / apart", "hidden")
    picture = "\n![parts of an update](bench_parts.svg)\n"
    return _table(header, rows) + _origin(result, "resnet50_scaling") + picture


def render_allreduce(results: Path) -> str:
    """GB summed a second by size, a column for each backend."""
    names = _measured_backends(results)
    found = [_read(results, name) for name in names]
    columns = [{row["bytes"]: row for row in result["rows"]} for result in found]
    sizes = sorted({size for column in columns for size in column})
    rows = [
        (f"{size:,}", *(cell for column in columns for cell in _ms_and_rate(column.get(size))))
        for size in sizes
    ]
    header = ["bytes"]
    for name in names:
        header += [f"{name.split('_')[1]} ms", "GB/s (range)"]
    text = _table(header, rows)
    for name, result in zip(names, found):
        if "fit" in result:
            fit = result["fit"]
            text += (
                f"\n{name.split('_')[1]}: {1e6 * fit['latency_seconds']:.0f} us + bytes / "
                f"{1e-9 * fit['bytes_per_second']:.2f} GB/s, off by {fit['largest_error']:.0%} at most.\n"
            )
    text += "".join(_origin(result, name) for name, result in zip(names, found))
    return text + "\n![GB/s by size and backend](bench_allreduce.svg)\n"


def _measured_backends(results: Path) -> list[str]:
    """Names of the results there are of sums; torch has one where PyTorch was installed."""
    names = [f"allreduce_{backend}" for backend in ("mpi", "gloo", "kvstore", "torch")]
    return [*names[:3], *(name for name in names[3:] if (results / f"{name}.json").exists())]


def render_optimizer(results: Path) -> str:
    """Milliseconds of one update with each rule."""
    result = _read(results, "optimizer")
    fastest = min(row["median"] for row in result["rows"])
    rows = [
        (
            row["optimizer"],
            f"{1e3 * row['median']:.1f}",
            f"{1e3 * row['lowest']:.1f} to {1e3 * row['highest']:.1f}",
            f"{row['median'] / fastest:.2f}",
        )
        for row in result["rows"]
    ]
    return _table(("rule", "ms", "range", "of the fastest"), rows) + _origin(result, "optimizer")


def render_startup(results: Path) -> str:
    """Seconds of each part of a start."""
    result = _read(results, "startup")
    rows = [
        (row["part"], f"{row['median']:.2f}", f"{row['lowest']:.2f} to {row['highest']:.2f}", row["what"])
        for row in result["rows"]
    ]
    return _table(("part", "seconds", "range", ""), rows) + _origin(result, "startup")


def draw_allreduce(results: Path) -> str:
    """All backends in one picture."""
    found = [_read(results, name) for name in _measured_backends(results)]
    return pictures_of(found)[0].as_svg()


def draw_parts(results: Path) -> str:
    """Where the time of an update goes, of the processes that were compared."""
    return pictures_of([_read(results, "resnet50_scaling")])[-1].as_svg()


def _or_nothing(render: Callable[[Path], str]) -> Callable[[Path], str]:
    """``render``, or what stands in its place until there are results."""

    def rendered(results: Path) -> str:
        try:
            return render(results)
        except FileNotFoundError:
            return "Nothing has been measured yet.\n"

    return rendered


SECTIONS: Sections = {
    name: _or_nothing(render)
    for name, render in {
        "throughput": render_throughput,
        "inference": render_inference,
        "scaling": render_scaling,
        "allreduce": render_allreduce,
        "optimizer": render_optimizer,
        "startup": render_startup,
    }.items()
}


def pictures(results: Path) -> dict[str, str]:
    """SVG of those whose results are there, by file."""
    drawn = {}
    for name, draw in (("docs/bench_allreduce.svg", draw_allreduce), ("docs/bench_parts.svg", draw_parts)):
        with suppress(FileNotFoundError):
            drawn[name] = draw(results)
    return drawn


def _read(results: Path, name: str) -> Result:
    result: Result = json.loads((results / f"{name}.json").read_text())
    return result


def _rate(row: Row) -> tuple[str, str, str]:
    spread = f"{row['lowest']:,.2f} to {row['highest']:,.2f}"
    return f"{row['median']:,.2f}", spread, _interval(row["interval_95"], "{:,.2f}").strip(" ()")


def _interval(interval: Optional[Sequence[float]], form: str) -> str:
    return f" ({form.format(interval[0])} to {form.format(interval[1])})" if interval else ""


def _ms_and_rate(row: Optional[Row]) -> tuple[str, str]:
    if row is None:
        return "", ""
    return f"{1e3 * row['seconds']:.3f}", f"{row['median']:.3f} ({row['lowest']:.3f} to {row['highest']:.3f})"


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns of figures are aligned to the right."""
    ruler = ["--:" if str(cell)[:1].isdigit() else "---" for cell in rows[-1]]
    lines = [f"| {' | '.join(map(str, row))} |" for row in (header, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(ruler)}|", *lines[1:]]) + "\n"


def _origin(result: Result, name: str) -> str:
    """One line: the file, the machine, and what is to be known of the figures."""
    machine, path = result["machine"], f"{BENCH}/{name}.json"
    said = [f"{machine['cores']} cores of {machine['processor']}", result["date"], *_marks(result)]
    return f"\n[{name}.json](../{path}): {', '.join(said)}; `{' '.join(result['command'])}`\n"


def _marks(result: Result) -> Iterator[str]:
    if not result["complete"]:
        yield "**not complete**"
    if min(len(row["values"]) for row in result["rows"]) < FEWEST_VALUES:
        yield "**few values: the form of a result, not its figures**"
    if any(row.get("is_oversubscribed") for row in result["rows"]):
        yield "**fewer cores than threads**"
