"""The recorder of a process: what its rings hold, and that they outlive it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from gluonlab.supervision.flight_recorder import (
    EVENTS,
    RECORDER_BYTES,
    FlightRecorder,
    Ring,
    memory_of_rank,
    recorded_from_json,
    recorded_in,
    recorder_of_process,
)
from gluonlab.supervision.progress import Progress
from gluonlab.supervision.variables import RINGS


def test_a_ring_keeps_the_last_200_in_memory_of_a_fixed_size():
    memory = bytearray(RECORDER_BYTES)
    ring = FlightRecorder(memory).collectives
    for step in range(EVENTS + 50):
        ring.leave(ring.enter("gradients", step, 4 * step))
    events = recorded_in(memory).collectives
    assert (len(memory), len(events), ring.count) == (RECORDER_BYTES, EVENTS, EVENTS + 50)
    assert [event.number for event in events] == list(range(51, EVENTS + 51))
    assert (events[0].name, events[0].step, events[0].size) == ("gradients", 50, 200)
    assert all(event.entered <= event.left for event in events)


def test_times_are_those_of_the_two_clocks():
    before, wall = time.monotonic_ns(), time.time_ns()
    recorder = FlightRecorder()
    number = recorder.collectives.enter("metrics", 7, 32)
    assert recorder.events().collectives[0].left == 0
    recorder.collectives.leave(number)
    event = recorder.events().collectives[0]
    assert before <= event.entered <= event.left <= time.monotonic_ns()
    assert wall <= event.wall <= time.time_ns()


def test_what_was_overwritten_is_not_left_in_the_place_of_another():
    memory = bytearray(RECORDER_BYTES)
    ring = Ring(memory, 0)
    first = ring.enter("first", 0)
    for _ in range(EVENTS):
        last = ring.enter("later", 1)
    ring.leave(first)
    events = recorded_in(memory).collectives
    assert {event.left for event in events} == {0}
    ring.leave(last)
    assert [event.left > 0 for event in recorded_in(memory).collectives[-2:]] == [False, True]


def test_phases_follow_each_other_without_gaps():
    progress = Progress()
    with progress.doing("training"):
        with progress.doing("waiting for data"):
            pass
        progress.mark_step(1)
        with progress.collective("gradients", 80), progress.waiting_for_sums():
            pass
    recorded = progress.recorder.events()
    assert [event.name for event in recorded.phases] == [
        "starting", "training", "waiting for data", "training", "waiting for sums", "training", "starting",
    ]  # fmt: skip
    assert all(one.left <= two.entered for one, two in zip(recorded.phases, recorded.phases[1:]))
    assert [event.step for event in recorded.phases] == [0, 0, 0, 0, 1, 1, 1]
    assert [(event.name, event.step, event.size) for event in recorded.collectives] == [("gradients", 1, 80)]
    assert (progress.collectives, progress.recent) == (1, ["gradients"])


def test_a_collective_that_fails_was_left():
    progress = Progress()
    with pytest.raises(RuntimeError), progress.collective("gradients"):
        raise RuntimeError
    assert progress.recorder.events().collectives[0].left > 0


def test_a_record_that_is_half_written_is_left_out():
    memory = bytearray(RECORDER_BYTES)
    ring = Ring(memory, 0)
    for _ in range(3):
        ring.leave(ring.enter("gradients", 1))
    half = len(memory) // (2 * EVENTS)  # where the second begins
    memory[half + 24 : half + 32] = b"\0\0\0\0\0\0\0\x7f"  # it was entered after it was left
    assert [event.number for event in recorded_in(memory).collectives] == [1, 3]
    assert recorded_in(b"cut").collectives == recorded_in(b"").phases == []


def test_json_is_read_back_and_anything_else_refused():
    progress = Progress()
    with progress.collective("gradients", 12):
        pass
    recorded = progress.recorder.events()
    raw = json.loads(json.dumps(recorded.as_json()))
    assert recorded_from_json(raw) == recorded
    for strange in ({}, {"collectives": [], "phases": 3}, {"collectives": [["1", 2]], "phases": []},
                    {"collectives": [], "phases": [[1, "a", 0, 0, 0, 0, 0.5]]}):  # fmt: skip
        with pytest.raises((KeyError, TypeError, ValueError)):
            recorded_from_json(strange)


KILLED = """
import os, signal
from gluonlab.supervision.flight_recorder import recorder_of_process
recorder = recorder_of_process(3)
recorder.collectives.enter("gradients", 41, 1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_memory_outlives_a_killed_process(tmp_path):
    environment = {**os.environ, RINGS: str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", KILLED], env=environment)
    assert ended.returncode == -signal.SIGKILL
    memory = memory_of_rank(tmp_path, 3)
    assert memory.stat().st_blocks * 512 >= RECORDER_BYTES, "allocated, so that a full disk cannot end it"
    (event,) = recorded_in(memory.read_bytes()).collectives
    assert (event.name, event.step, event.size, event.left) == ("gradients", 41, 1000, 0)


def test_without_room_for_the_file_it_is_in_memory_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv(RINGS, str(tmp_path / "not there"))
    recorder = recorder_of_process(0)
    recorder.collectives.enter("gradients", 1)
    assert len(recorder.events().collectives) == 1
