"""The wish that training stops with its state saved: a signal to any process, or the launcher's word."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Optional

from gluonlab.errors import GluonlabError

STOP_SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP)
# It asks for what the flight recorders hold; nothing stops.
RECORDER_SIGNAL = signal.SIGUSR2
# A signal to a whole group of processes reaches one of them directly and through its launcher.
SAME_SIGNAL_SECONDS = 1.0


class PreemptedError(GluonlabError):
    """Training stopped because it was asked to, with its state saved."""

    exit_code = 75


class StopRequest:
    """Whether somebody wants training to stop, and why; `RECORDER_SIGNAL` calls ``on_recorder_signal``."""

    def __init__(self) -> None:
        self.reason = ""
        self.on_recorder_signal: Callable[[], None] = lambda: None
        self.on_signal: Callable[[str], None] = lambda reason: None
        self._made: Optional[float] = None

    @property
    def is_made(self) -> bool:
        """Whether training should stop at the next step that all processes agree on."""
        return bool(self.reason)

    def make(self, reason: str) -> None:
        """Ask for it; the first reason counts."""
        if not self.reason:
            self.reason, self._made = reason, time.monotonic()

    def listen(self) -> None:
        """Take the signals to stop as the wish to; the second one ends this process at once.

        The main thread notes the wish before its next instruction. A thread tells of it and counts, for the
        main thread may be in native code, and for ever.
        """
        if threading.current_thread() is not threading.main_thread():
            return
        receiving, sending = os.pipe()
        os.set_blocking(sending, False)
        threading.Thread(
            target=self._receive, args=(receiving,), name="gluonlab-signals", daemon=True
        ).start()
        signal.set_wakeup_fd(sending, warn_on_full_buffer=False)
        for number in signals_to_take():
            signal.signal(number, lambda number, _: self.make(signal.Signals(number).name))
        signal.signal(RECORDER_SIGNAL, lambda number, _: None)

    def _receive(self, receiving: int) -> None:
        count = 0
        while True:
            for number in os.read(receiving, 1):
                if number == RECORDER_SIGNAL:
                    self.on_recorder_signal()
                if number not in STOP_SIGNALS:
                    continue
                count += 1
                if count > 1 or self._was_made_before():
                    os._exit(128 + number)
                self.make(signal.Signals(number).name)
                self.on_signal(self.reason)

    def _was_made_before(self) -> bool:
        return self._made is not None and time.monotonic() - self._made > SAME_SIGNAL_SECONDS


def signals_to_take() -> list[signal.Signals]:
    """`STOP_SIGNALS`, but for a hang-up that nohup has this process ignore."""
    is_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return [number for number in STOP_SIGNALS if not (is_nohup and number is signal.SIGHUP)]
