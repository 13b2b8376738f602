"""The process's end of the line to its launcher: it tells what it does, and hears when to stop."""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from platform import node
from typing import Optional

from gluonlab.errors import ClusterError
from gluonlab.parallel.environment import launched_process
from gluonlab.parallel.supervision.messages import ADDRESS, KEY, KEY_FILE, LIMITS, Lines, Message, encode
from gluonlab.parallel.supervision.progress import SLOW_PHASES, Progress
from gluonlab.parallel.supervision.stop import StopRequest

BEAT_SECONDS = 1.0
# Stacks are in the log before the launcher ends a process for idling.
DUMP_SHARE = 0.7


class LauncherLine:
    """Sends a beat each second and each step; ends this process when the launcher is gone."""

    def __init__(self, connection: socket.socket, startup_seconds: float, idle_seconds: float) -> None:
        self._connection = connection
        self._limits = {True: startup_seconds, False: idle_seconds}
        self._writing = threading.Lock()
        self._progress = Progress()
        self._stop = StopRequest()
        self._is_leaving = False
        self._heard = time.monotonic()
        self._has_heard = False

    def watch(self, progress: Progress, stop: StopRequest) -> None:
        """From now on tell ``progress``, and take the launcher's word to ``stop``."""
        self._progress, self._stop = progress, stop
        progress.on_change = self._beat
        stop.on_signal = lambda reason: self.tell({"stop": reason})
        threading.Thread(target=self._run, name="gluonlab-launcher-line", daemon=True).start()

    def tell(self, message: Message) -> None:
        """Send ``message``; a launcher that is gone hears nothing."""
        with self._writing:
            try:
                self._connection.sendall(encode(message))
            except OSError:
                return

    def tell_crashes(self) -> None:
        """Let a crash in native code end this process with its own signal, its Python stack in the log.

        MXNet, which must be imported by now, makes an exit code 255 of it.
        """
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
            signal.signal(number, signal.SIG_DFL)
        faulthandler.enable(file=2)

    def leave(self) -> None:
        """Say that this process ends because its work is done."""
        self._is_leaving = True
        self.tell({"done": True})

    def _beat(self) -> None:
        now = self._progress
        beat: Message = {
            "step": now.step,
            "phase": now.phase,
            "collectives": now.collectives,
            "idle": now.idle_seconds,
        }
        if now.idle_seconds > BEAT_SECONDS:  # what a busy process enters is of no interest
            beat["recent"] = list(now.recent)
        self.tell({"beat": beat})

    def _run(self) -> None:
        lines, dump_at = iter(Lines(self._connection)), (-1, "")
        while True:
            state = (self._progress.collectives, self._progress.phase)
            if state != dump_at or self._progress.idle_seconds < BEAT_SECONDS:
                dump_at = state
                self._dump_stacks_after_idling()
            if select.select([self._connection], [], [], BEAT_SECONDS)[0]:
                try:
                    self._hear(next(lines))
                except (StopIteration, OSError, ValueError):
                    if not self._has_heard:
                        self._end_refused()
                    self._end_unless_leaving(143)
                    return
            elif time.monotonic() - self._heard > max(self._limits.values()):
                self._end_unless_leaving(143)
            self._beat()

    def _hear(self, message: Message) -> None:
        self._heard, self._has_heard = time.monotonic(), True
        if "stop" in message:
            self._stop.make(str(message["stop"]))
        if "end" in message:
            self._end_unless_leaving(int(message["end"]))

    def _dump_stacks_after_idling(self) -> None:
        """The timer is outside the interpreter, so it fires while the interpreter is stuck."""
        limit = self._limits[self._progress.phase in SLOW_PHASES]
        faulthandler.dump_traceback_later(limit * DUMP_SHARE, file=2)

    def _end_refused(self) -> None:
        """The launcher closes the line to strangers without a word, so this process has to find its own."""
        if self._is_leaving:
            return
        error = ClusterError(
            "CLU21",
            f"the launcher at {os.environ[ADDRESS]}",
            "closed the line before a word: it is of another job (another key or rank), or has just ended",
            "start processes with gluonlab launch",
        )
        with suppress(OSError):
            os.write(2, f"{error}\n".encode())
        os._exit(error.exit_code)

    def _end_unless_leaving(self, code: int) -> None:
        if not self._is_leaving:
            os._exit(code)


_line: Optional[LauncherLine] = None


def launcher_line() -> Optional[LauncherLine]:
    """The line of this process, opened at the first call; None if no launcher of ours started it.

    Raises:
        ClusterError: CLU21 if the launcher cannot be reached.
    """
    global _line
    if _line is None and ADDRESS in os.environ:
        _line = _open_line()
    return _line


def _open_line() -> LauncherLine:
    host, _, port = os.environ[ADDRESS].rpartition(":")
    startup_seconds, idle_seconds = (float(text) for text in os.environ[LIMITS].split(","))
    try:
        key = os.environ.get(KEY) or Path(os.environ[KEY_FILE]).read_text()
        connection = socket.create_connection((host, int(port)), timeout=30)
    except (OSError, KeyError) as error:
        raise ClusterError(
            "CLU21", f"the launcher at {host}:{port}", f"cannot be reached: {error}", "see --interface"
        ) from None
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line = LauncherLine(connection, startup_seconds, idle_seconds)
    line.tell({"hello": key, "rank": launched_process().rank, "host": node(), "pid": os.getpid()})
    return line
