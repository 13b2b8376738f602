"""What a process measures of an update: its own time, then the time until the sums are there."""

import pytest

from gluonlab.parallel import waiting
from gluonlab.parallel.waiting import EVERY_SECONDS, WaitingTime
from gluonlab.runtime.mxnet import nd
from gluonlab.supervision.progress import Progress


class Moments:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def pending(monkeypatch):
    """The calls back that are asked for, to be made by hand."""
    calls = []

    class Library:
        @staticmethod
        def call_when_ready(array, action):
            calls.append(action)

    monkeypatch.setattr(waiting.libraries, "of", lambda array: Library)
    return calls


def test_an_update_is_measured_from_sums_to_sums_however_far_ahead_the_process_is(pending):
    progress, moments = Progress(), Moments()
    measured = WaitingTime(progress, moments)
    moments.now = 2 * EVERY_SECONDS
    for _ in range(2):  # two updates are asked for before the first is done
        measured.before_sums(None)
        measured.after_sums(None)
    assert len(pending) == 3
    for moments.now, call in zip((10.0, 10.3, 11.0), pending):
        call()
    assert progress.spent == pytest.approx((1, 0.3, 0.7))


def test_it_is_measured_rarely(pending):
    progress, moments = Progress(), Moments()
    measured = WaitingTime(progress, moments)
    for update in range(100):
        moments.now = update * EVERY_SECONDS / 10
        measured.before_sums(None)
        measured.after_sums(None)
        for call in pending:
            call()
        pending.clear()
    assert 8 <= progress.spent.updates <= 10


def test_the_engine_calls_back():
    progress = Progress()
    measured, gradient = WaitingTime(progress, Moments()), nd.zeros(4)
    measured._began = -1.0
    for _ in range(3):
        measured.before_sums(gradient)
        measured.after_sums(gradient)
    nd.waitall()
    assert progress.spent.updates >= 1
