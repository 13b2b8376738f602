"""What signals ask of a launcher."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Optional

from gluonlab.supervision.stop import RECORDER_SIGNAL, signals_to_take


class Signals:
    """Signals to the launcher: the first asks the job to stop with its state saved, the second ends it.

    ``record_wishes`` counts those that ask for what the flight recorders hold.
    """

    def __init__(self) -> None:
        self.last: Optional[int] = None
        self.record_wishes = 0
        self._count = 0
        self._before: dict[int, object] = {}

    @property
    def reason(self) -> str:
        """The name of the last signal, if any came."""
        return signal.Signals(self.last).name if self.last else ""

    @property
    def is_urgent(self) -> bool:
        """Whether it came a second time."""
        return self._count > 1

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in signals_to_take():
                self._before[number] = signal.signal(number, self._receive)
            self._before[RECORDER_SIGNAL] = signal.signal(RECORDER_SIGNAL, self._count_record_wish)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _: Optional[FrameType]) -> None:
        self.last = number
        self._count += 1

    def _count_record_wish(self, number: int, _: Optional[FrameType]) -> None:
        self.record_wishes += 1


def ignore_recorder_signal() -> None:
    """Let it end nobody: neither the launcher between two starts, nor processes that are not ready for it."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(RECORDER_SIGNAL, signal.SIG_IGN)
