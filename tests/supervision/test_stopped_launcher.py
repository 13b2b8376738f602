"""A launcher that was stopped (Ctrl-Z) and continued: its own pause is nobody's fault."""

import contextlib
import json
import socket

import pytest

from gluonlab.supervision.line import LauncherLine
from gluonlab.supervision.lived_time import LivedTime
from gluonlab.supervision.switchboard import RankView
from gluonlab.supervision.watchdog import Limits, Watchdog


def view(rank, **values):
    defaults = {"phase": "training", "step": 5, "collectives": 7, "recent": ("a",), "heard": 0.0}
    return RankView(rank, "a", 100 + rank, **{**defaults, **values})


class Moments:
    """A clock that is set by hand."""

    now = 50.0

    def __call__(self):
        return self.now


def test_time_in_which_the_launcher_was_stopped_does_not_count():
    moments = Moments()
    lived = LivedTime(moments)
    for moments.now in (50.1, 50.6, 51.0):
        lived.tick()
    assert (lived(), lived.resumed) == (pytest.approx(1.0), 0.0)
    moments.now = 651.0  # stopped, and continued
    assert lived() == pytest.approx(3.0)  # as another thread may ask before the next tick
    lived.tick()
    assert (lived(), lived.resumed) == (pytest.approx(3.0), pytest.approx(3.0))


def test_a_stopped_launcher_finds_nobody_silent_stuck_or_late_when_it_goes_on():
    moments = Moments()
    lived = LivedTime(moments)
    watchdog = Watchdog(3, Limits(startup=60, idle=5), lived)
    silent, stuck = view(0, heard=lived()), view(1, idle=4.0, heard=lived())
    moments.now += 1.0
    lived.tick()
    assert watchdog.look({0: silent, 1: stuck}) is None
    moments.now += 600.0
    stuck.idle = 600.0  # of its last beat, for it had to wait until it was read
    lived.tick()
    assert watchdog.look({0: silent, 1: stuck}) is None
    for _ in range(40):  # 6 s and a little later what really does not move is found
        moments.now += 0.2
        lived.tick()
    stuck.heard = lived()
    assert watchdog.look({0: silent, 1: stuck}).view is silent
    silent.heard, silent.idle, third = lived(), 0.0, view(2, heard=lived(), collectives=9)
    assert watchdog.look({0: silent, 1: stuck, 2: third}) is None  # as the first is as far, and moves
    silent.collectives = 9
    assert watchdog.look({0: silent, 1: stuck, 2: third}).view is stuck


def test_beats_are_left_out_while_the_launcher_reads_nothing():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line = LauncherLine(ours, 600, 120)
        for _ in range(20_000):
            line._beat()
        theirs.setblocking(False)
        received = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                received += theirs.recv(1 << 16)
        line._beat()
        line.tell({"done": True})
        received += theirs.recv(1 << 16)
    messages = [json.loads(text) for text in received.splitlines()]
    assert 10 < len(messages) < 20_000
    assert (messages[-2]["beat"]["step"], messages[-1]) == (0, {"done": True})


def test_a_host_without_room_may_be_silent_until_it_is_asked_again():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line = LauncherLine(ours, 20, 8)
        assert [line._is_cut_off(silence) for silence in (19, 21)] == [False, True]
        for _ in range(20_000):
            line._beat()
        assert [line._is_cut_off(silence) for silence in (21, 121, 151)] == [False, False, True]
