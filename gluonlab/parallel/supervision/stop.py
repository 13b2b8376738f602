"""The wish that training stops with its state saved: a signal to any process, or the launcher's word."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Optional

from gluonlab.errors import GluonlabError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP)
# A signal to a whole group of processes reaches one of them directly and through its launcher.
SAME_SIGNAL_SECONDS = 1.0


class PreemptedError(GluonlabError):
    """Training stopped because it was asked to, with its state saved."""

    exit_code = 75


class StopRequest:
    """Whether somebody wants training to stop, and why."""

    def __init__(self) -> None:
        self.reason = ""
        self.on_signal: Callable[[str], None] = lambda reason: None

    @property
    def is_made(self) -> bool:
        """Whether training should stop at the next step that all processes agree on."""
        return bool(self.reason)

    def make(self, reason: str) -> None:
        """Ask for it; the first reason counts."""
        self.reason = self.reason or reason

    def listen(self) -> None:
        """Take `STOP_SIGNALS` as the wish to stop; the second one ends this process at once."""
        if threading.current_thread() is threading.main_thread():
            for number in STOP_SIGNALS:
                signal.signal(number, self._received)

    def _received(self, number: int, _: Optional[FrameType]) -> None:
        if self.is_made:
            os._exit(128 + number)
        self.make(signal.Signals(number).name)
        self.on_signal(self.reason)
