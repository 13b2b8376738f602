"""The last things that a process did, in memory of a fixed size that outlives it: its flight recorder."""

from __future__ import annotations

import mmap
import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Optional, Union

from gluonlab.supervision.variables import RINGS

EVENTS = 200
MAX_NAME_BYTES = 40

Memory = Union[bytearray, mmap.mmap, bytes]

# number, step, bytes, entered and left (monotonic, ns), entered (unix, ns), name
_RECORD = struct.Struct(f"<qqqqqq{MAX_NAME_BYTES}s")
_LEFT = struct.Struct("<q")
_LEFT_AT = 4 * _LEFT.size
_RECORD_BYTES = _RECORD.size
_RING_BYTES = EVENTS * _RECORD_BYTES
RECORDER_BYTES = 2 * _RING_BYTES
_write_record, _write_left = _RECORD.pack_into, _LEFT.pack_into
_now, _wall = time.monotonic_ns, time.time_ns


class Event(NamedTuple):
    """Something that was entered, as the ``number``-th of its kind, when ``step`` updates were finished.

    Times are in nanoseconds: ``entered`` and ``left`` of the monotonic clock of its host (``left`` is 0
    while it lasts), ``wall`` is when it was entered in unix time. ``size`` is in bytes.
    """

    number: int
    name: str
    step: int
    size: int
    entered: int
    left: int
    wall: int


class Ring:
    """The last `EVENTS` events of one kind, in a part of ``memory`` that begins at ``start``.

    Entering and leaving cost a microsecond each and allocate nothing that stays. Of a name longer than
    `MAX_NAME_BYTES` the beginning is kept.
    """

    def __init__(self, memory: Union[bytearray, mmap.mmap], start: int) -> None:
        self._memory, self._start = memory, start
        self.count = 0

    def enter(self, name: str, step: int, size: int = 0) -> int:
        """Note that ``name`` begins; what is returned is to be given to `leave`."""
        place = self._start + self.count % EVENTS * _RECORD_BYTES
        self.count = number = self.count + 1
        _write_record(self._memory, place, number, step, size, _now(), 0, _wall(), name.encode())
        return number

    def events(self) -> list[Event]:
        """What it holds, oldest first."""
        return _events_in(self._memory[self._start : self._start + _RING_BYTES])

    def leave(self, number: int) -> None:
        """Note that the event of this ``number`` has ended, unless others have taken its place."""
        if number > self.count - EVENTS:
            place = self._start + (number - 1) % EVENTS * _RECORD_BYTES + _LEFT_AT
            _write_left(self._memory, place, _now())


class FlightRecorder:
    """Two rings in one piece of ``memory`` of `RECORDER_BYTES`: the collectives of a process, its phases.

    Phases are stretches without gaps: one ends where the next begins.
    """

    def __init__(self, memory: Union[bytearray, mmap.mmap, None] = None) -> None:
        self._memory = bytearray(RECORDER_BYTES) if memory is None else memory
        self.collectives = Ring(self._memory, 0)
        self._phases = Ring(self._memory, _RING_BYTES)
        self._last = 0

    def turn_to(self, phase: str, step: int) -> None:
        """The phase that was ends, ``phase`` begins."""
        self._phases.leave(self._last)
        self._last = self._phases.enter(phase, step)

    def events(self) -> Recorded:
        """What is remembered."""
        return recorded_in(self._memory)


class Recorded(NamedTuple):
    """Events of both kinds, oldest first."""

    collectives: list[Event]
    phases: list[Event]

    def as_json(self) -> dict[str, Any]:
        """Lists of numbers and names, which `recorded_from_json` reads."""
        return {kind: [list(event) for event in events] for kind, events in self._asdict().items()}


def recorded_in(memory: Memory) -> Recorded:
    """The events in the ``memory`` of a recorder.

    Of a process that was stopped while it wrote one, that one is left out.
    """
    return Recorded(_events_in(memory[:_RING_BYTES]), _events_in(memory[_RING_BYTES:RECORDER_BYTES]))


def _events_in(ring: Memory) -> list[Event]:
    whole = ring[: len(ring) // _RECORD_BYTES * _RECORD_BYTES]
    events = (_event(*fields) for fields in _RECORD.iter_unpack(whole))
    return sorted(event for event in events if event)


def recorded_from_json(raw: Mapping[str, Any]) -> Recorded:
    """What `Recorded.as_json` made; KeyError, TypeError or ValueError for anything else."""
    return Recorded(*([_checked(*event) for event in raw[kind][-EVENTS:]] for kind in Recorded._fields))


def _event(
    number: int, step: int, size: int, entered: int, left: int, wall: int, word: bytes
) -> Optional[Event]:
    name = word.rstrip(b"\0").decode(errors="replace")
    is_whole = number > 0 and name and (left == 0 or left >= entered)
    return Event(number, name, step, size, entered, left, wall) if is_whole else None


def _checked(number: int, name: str, *numbers: int) -> Event:
    if not isinstance(name, str) or any(type(value) is not int for value in (number, *numbers)):
        raise ValueError("not an event")
    return Event(number, name[:MAX_NAME_BYTES], *numbers)


def memory_of_rank(folder: Path, rank: int) -> Path:
    """The file that is the memory of the recorder of ``rank``."""
    return folder / f"rank-{rank:05d}.ring"


def recorder_of_process(rank: int) -> FlightRecorder:
    """The recorder of this process, in a file that its launcher reads if this process is frozen or dead.

    In memory of its own if no launcher asks for it, or there is no room for the file.
    """
    folder = os.environ.get(RINGS)
    if not folder:
        return FlightRecorder()
    try:
        descriptor = os.open(memory_of_rank(Path(folder), rank), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, RECORDER_BYTES)  # else a full disk ends the process later
            return FlightRecorder(mmap.mmap(descriptor, RECORDER_BYTES))
        finally:
            os.close(descriptor)
    except OSError:
        return FlightRecorder()
