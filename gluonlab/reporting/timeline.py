"""What flight recorders held, side by side, in the Trace Event Format of Chrome that Perfetto reads.

The format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Optional

from gluonlab.reporting.recorder_files import RankRecord, difference_between, newest_records
from gluonlab.reporting.run_files import write_text
from gluonlab.supervision.flight_recorder import Event

_TRACKS = ("collectives", "phases")


@dataclass(frozen=True)
class Clock:
    """By how many ns the clock of a process is ahead of the launcher's, and how that is known."""

    ahead: int
    how: str


@dataclass(frozen=True)
class Timeline:
    """The trace of an ``event``, how its clocks were aligned, and where its ranks parted ("": nowhere)."""

    event: str
    trace: dict[str, Any]
    clocks: dict[int, str]
    difference: str


def write_timeline(run: Path, target: Path) -> Timeline:
    """Draw the newest flight recorders of ``run`` into ``target``.

    Raises:
        CheckpointError: there are none, or one is damaged.
    """
    event, records = newest_records(run)
    timeline = timeline_of(event, records)
    write_text(target, json.dumps(timeline.trace, allow_nan=False) + "\n")
    return timeline


def timeline_of(event: str, records: Mapping[int, RankRecord]) -> Timeline:
    """One group of tracks for each rank, named by its host, on the clock of the launcher."""
    clocks = aligned(records)
    found = difference_between(records, {})
    difference = f"rank {found.rank} {found.what}" if found else ""
    how = {rank: clock.how for rank, clock in clocks.items()}
    starts = [one.entered - clocks[rank].ahead for rank, r in records.items() for one in _all(r)]
    first = min(starts, default=0)
    drawn = [each for rank, one in records.items() for each in _drawn(one, clocks[rank].ahead + first)]
    about = {"event": event, "clocks": how, "first difference": difference or "none"}
    trace = {"traceEvents": drawn, "displayTimeUnit": "ms", "otherData": about}
    return Timeline(event, trace, how, difference)


def aligned(records: Mapping[int, RankRecord]) -> dict[int, Clock]:
    """The clock of each rank: measured by the launcher, or else by what ranks did together."""
    clocks = {
        rank: Clock(one.ahead, f"measured by the launcher, within {one.error / 1e6:.1f} ms")
        if one.error
        else Clock(one.ahead, "that of the launcher's host")
        for rank, one in records.items()
        if one.ahead is not None
    }
    reference = next(iter(clocks), min(records))
    for rank, one in records.items():
        same = [other for other in clocks if one.boot and records[other].boot == one.boot]
        if same:
            clocks.setdefault(rank, Clock(clocks[same[0]].ahead, f"that of rank {same[0]}, on its host"))
        elif rank not in clocks:
            base = clocks.get(reference, Clock(0, "")).ahead
            clocks[rank] = _by_deeds(one, records[reference], reference, base)
    return clocks


def _by_deeds(record: RankRecord, other: RankRecord, reference: int, ahead: int) -> Clock:
    """By when both left the same exchanges, which none leaves before all have come, or by their calendars."""
    if record is other:
        return Clock(0, "the reference")
    left = {event.number: event.left for event in other.recorded.collectives if _is_exchange(event)}
    matches = [
        event.left - left[event.number]
        for event in record.recorded.collectives
        if _is_exchange(event) and event.number in left
    ]
    if matches:
        how = f"by {len(matches)} exchanges with rank {reference}"
        return Clock(ahead + round(median(matches)), how)
    here, there = _lag(record), _lag(other)
    if here is None or there is None:
        return Clock(ahead, "not known")
    return Clock(ahead + here - there, f"by the calendars of its host and that of rank {reference}")


def _is_exchange(event: Event) -> bool:
    return event.size == 0 and event.left > 0


def _lag(record: RankRecord) -> Optional[int]:
    """The monotonic clock minus the calendar."""
    return next((event.entered - event.wall for event in _all(record)), None)


def _all(record: RankRecord) -> list[Event]:
    return [*record.recorded.collectives, *record.recorded.phases]


def _drawn(record: RankRecord, origin: int) -> Iterator[dict[str, Any]]:
    """The tracks of one rank; ``origin`` is the beginning of the trace on its clock, in ns."""
    yield _name("process_name", record.rank, 0, f"rank {record.rank} ({record.host}, pid {record.pid})")
    yield {**_name("process_sort_index", record.rank, 0, ""), "args": {"sort_index": record.rank}}
    for track, (kind, events) in enumerate(zip(_TRACKS, record.recorded), start=1):
        yield _name("thread_name", record.rank, track, kind)
        for event in events:
            end = event.left or max(event.entered, event.entered - event.wall + round(record.time * 1e9))
            yield {
                "ph": "X",
                "name": event.name,
                "cat": kind,
                "pid": record.rank,
                "tid": track,
                "ts": (event.entered - origin) / 1000,
                "dur": (end - event.entered) / 1000,
                "args": {
                    "number": event.number,
                    "step": event.step,
                    "bytes": event.size,
                    "has ended": bool(event.left),
                },
            }


def _name(kind: str, rank: int, track: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": kind, "pid": rank, "tid": track, "args": {"name": name}}
