"""What signals ask of a launcher."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Optional

from gluonlab.supervision.stop import signals_to_take


class Signals:
    """Signals to the launcher: the first asks the job to stop with its state saved, the second ends it."""

    def __init__(self) -> None:
        self.last: Optional[int] = None
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
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _receive(self, number: int, _: Optional[FrameType]) -> None:
        self.last = number
        self._count += 1
