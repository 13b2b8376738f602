"""What flight recorders held, in the logs folder of a run: a file for each process and event."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from platform import node
from typing import Any, Optional

from gluonlab.disk import make_folder
from gluonlab.errors import CheckpointError
from gluonlab.reporting.run_files import LOGS, read_json, write_json
from gluonlab.supervision.first_difference import Difference, Entered, first_difference
from gluonlab.supervision.flight_recorder import EVENTS, FlightRecorder, Recorded, recorded_from_json
from gluonlab.supervision.line import boot_of_host

KEPT_EVENTS = 5
"""Of these the files stay; older ones make room."""

FORMAT = 1
_NAME = re.compile(r"recorder-(\d{1,9})-([a-z]{1,16})-rank-(\d{5,9})\.json")


@dataclass(frozen=True)
class RankRecord:
    """What one process had done, ``time`` being when that was asked for (unix).

    ``boot`` is the same for processes of one host, ``ahead`` by how many ns its clock is ahead of the
    launcher's (None: not measured), ``error`` by how many that may be wrong.
    """

    rank: int
    host: str
    pid: int
    attempt: int
    time: float
    boot: str
    ahead: Optional[int]
    error: int
    recorded: Recorded

    @property
    def entered(self) -> list[Entered]:
        """The collectives, as they are compared."""
        return [Entered(event.name, event.step, event.size) for event in self.recorded.collectives]

    @property
    def count(self) -> int:
        """How many collectives it has entered in all."""
        return self.recorded.collectives[-1].number if self.recorded.collectives else 0


def difference_between(records: Mapping[int, RankRecord], counts: Mapping[int, int]) -> Optional[Difference]:
    """The first collective that ranks entered differently; ``counts`` are of those without a record too."""
    known = {rank: record.count for rank, record in records.items()}
    return first_difference({rank: one.entered for rank, one in records.items()}, {**counts, **known})


def write_records(folder: Path, event: str, records: Mapping[int, RankRecord]) -> int:
    """Write ``records`` of ``event``, a word; returns its number. The oldest events give way.

    Raises:
        OSError: they cannot be written.
    """
    numbers = sorted({number for number, _, _ in _found(folder)})
    for number in numbers[: max(0, len(numbers) + 1 - KEPT_EVENTS)]:
        for path in folder.glob(f"recorder-{number}-*.json"):
            path.unlink(missing_ok=True)
    number = max(numbers, default=0) + 1
    for rank, record in records.items():
        write_json(folder / f"recorder-{number}-{event}-rank-{rank:05d}.json", _as_json(event, record))
    return number


def write_own(run: Path, recorder: FlightRecorder) -> None:
    """Write what the only process of ``run`` has done, as it was asked for."""
    recorded = recorder.events()
    record = RankRecord(0, node(), os.getpid(), 1, time.time(), boot_of_host(), 0, 0, recorded)
    make_folder(run / LOGS, 0o700)
    write_records(run / LOGS, "asked", {0: record})


def newest_records(run: Path) -> tuple[str, dict[int, RankRecord]]:
    """The last event that was recorded in ``run``, as "number-word", and the records by rank.

    Raises:
        CheckpointError: CKP02 none was; CKP03 a file is damaged.
    """
    found = _found(run / LOGS)
    if not found:
        hint = "SIGUSR2 to its launcher or to a process of it writes some, as do a death and a standstill"
        raise CheckpointError("CKP02", str(run / LOGS), "no flight recorder was written here", hint)
    last = max(number for number, _, _ in found)
    mine = sorted((rank, path) for number, rank, path in found if number == last)
    event = _NAME.fullmatch(mine[0][1].name)
    assert event is not None, "they were found by it"
    return f"{last}-{event[2]}", {rank: _read(path) for rank, path in mine}


def _found(folder: Path) -> list[tuple[int, int, Path]]:
    """Number of the event, rank and path of each file."""
    matches = [(_NAME.fullmatch(path.name), path) for path in folder.glob("recorder-*.json")]
    return [(int(match[1]), int(match[3]), path) for match, path in matches if match]


def _as_json(event: str, record: RankRecord) -> dict[str, Any]:
    numbers = {key: getattr(record, key) for key in _NUMBERS}
    about = {"format": FORMAT, "event": event, "columns": ["number", *_COLUMNS]}
    return {**about, **numbers, **record.recorded.as_json()}


_NUMBERS = ("rank", "host", "pid", "attempt", "time", "boot", "ahead", "error")
_COLUMNS = ("name", "step", "bytes", "entered_ns", "left_ns", "wall_ns")


def _read(path: Path) -> RankRecord:
    raw = read_json(path)
    try:
        if raw["format"] != FORMAT:
            raise ValueError(f"format {raw['format']!r} is not known")
        if any(len(raw[kind]) > EVENTS for kind in Recorded._fields):
            raise ValueError("more events than a ring has")
        ahead = None if raw["ahead"] is None else int(raw["ahead"])
        return RankRecord(
            int(raw["rank"]),
            str(raw["host"]),
            int(raw["pid"]),
            int(raw["attempt"]),
            float(raw["time"]),
            str(raw["boot"]),
            ahead,
            int(raw["error"]),
            recorded_from_json(raw),
        )
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise CheckpointError("CKP03", str(path), f"is no flight recorder's ({error})") from error
