"""Rows of throughput as a table, with what explains them below it."""

from __future__ import annotations

from collections.abc import Iterator

from gluonlab.bench.result import Row
from gluonlab.cli.output import format_table


def format_throughput(rows: list[Row]) -> str:
    """One line for each row, then notes."""
    first = rows[0]
    title = (
        f"{first['model']} {first['mode']}, {first['precision']}, {first['image_size']} px, {first['data']}; "
        f"{first['processes']} process(es) x {first['threads']} thread(s)"
        f"{', ' + first['backend'] if first['backend'] else ''}"
    )
    if first["mode"] == "loading":
        title = f"loading {first['data']}, {first['image_size']} px; {first['processes']} process(es)"
    header = ["batch", "images/s", "range", "ms p50", "p90", "p99", "of peak", "memory", "bound by"]
    header[0] = "loader threads" if first["mode"] == "loading" else header[0]
    notes = dict.fromkeys(note for row in rows for note in _notes(row))
    return "\n".join([title, "", format_table(header, [_cells(row) for row in rows]), "", *notes])


def _label(row: Row) -> str:
    if row["mode"] == "loading":
        return str(row["data_threads"])
    return f"{row['batch']} {row['engine']}" if row["engine"] else str(row["batch"])


def _cells(row: Row) -> list[str]:
    steps = row.get("ms_per_step")
    return [
        _label(row),
        f"{row['median']:,.4g}",
        f"{row['lowest']:,.4g} to {row['highest']:,.4g}",
        *(f"{steps[key]:,.4g}" if steps else "" for key in ("p50", "p90", "p99")),
        f"{row['utilisation']:.0%}" if "utilisation" in row else "",
        f"{row['peak_memory_bytes'] / 2**30:.2f} GiB" if "peak_memory_bytes" in row else "",
        row.get("bound_by", ""),
    ]


def _notes(row: Row) -> Iterator[str]:
    label = _label(row)
    blocks = f"{len(row['values'])} block(s) of {row['steps_per_block']} steps"
    if row["interval_95"]:
        low, high = row["interval_95"]
        yield f"{label}: median of {blocks}; it lies between {low:,.4g} and {high:,.4g} images/s with 95 %"
    else:
        yield f"{label}: median of {blocks}, too few to say how sure it is"
    if row["processes"] > 1:
        rates = ", ".join(f"{rate:,.4g}" for rate in row["by_process"])
        yield f"{label}: images/s of each process {rates}"
    if "split_seconds" in row:
        parts = ", ".join(f"{part} {1e3 * seconds:.1f}" for part, seconds in row["split_seconds"].items())
        yield f"{label}: ms of each part alone: {parts}"
    if not row["complete"]:
        yield f"{label}: interrupted, not complete"
    if row["is_oversubscribed"]:
        yield "fewer cores than threads: marked"
