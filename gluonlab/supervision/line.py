"""The process's end of the line to its launcher: it tells what it does, and hears when to stop."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from platform import node
from typing import Any, Optional

from gluonlab.commands import gluonlab_command
from gluonlab.errors import ClusterError
from gluonlab.parallel.environment import launched_process
from gluonlab.supervision.messages import Lines, Message, encode
from gluonlab.supervision.progress import SLOW_PHASES, Progress
from gluonlab.supervision.stop import StopRequest
from gluonlab.supervision.variables import ADDRESS, KEY, KEY_FILE, LIMITS

Answer = Callable[[Any], Message]

BEAT_SECONDS = 1.0
# Stacks are in the log before the launcher ends a process for idling.
DUMP_SHARE = 0.7
# A host that has no room for more is asked for it ever less often, at last every 2 minutes (TCP_RTO_MAX).
PROBE_SECONDS = 150.0
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class LauncherLine:
    """Sends a beat each second and each step; ends this process when the launcher is gone.

    A launcher that is stopped (Ctrl-Z) reads nothing, but its host still acknowledges what it gets: the
    process goes on, and its beats are left out while there is no room for them.
    """

    def __init__(self, connection: socket.socket, startup_seconds: float, idle_seconds: float) -> None:
        self._connection = connection
        self._limits = {True: startup_seconds, False: idle_seconds}
        self._writing = threading.Lock()
        self._unsent = b""
        self._progress = Progress()
        self._stop = StopRequest()
        self._is_leaving = False
        self._has_heard = False
        self._store: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._answers: dict[str, Answer] = {}

    def watch(self, progress: Progress, stop: StopRequest) -> None:
        """From now on tell ``progress``, and take the launcher's word to ``stop``."""
        self._progress, self._stop = progress, stop
        progress.on_change = self._beat
        stop.on_signal = lambda reason: self.tell({"stop": reason})
        stop.on_recorder_signal = lambda: self.tell({"record": True})
        if stop.is_made:
            self.tell({"stop": stop.reason})
        threading.Thread(target=self._run, name="gluonlab-launcher-line", daemon=True).start()

    def answer(self, question: str, answer: Answer) -> None:
        """From now on let ``answer`` make JSON data of what the launcher asks for as ``question``.

        It runs in a thread of its own: the one that trains may hang, and beats go on.
        """
        self._answers[question] = answer

    def stay(self, seconds: float) -> None:
        """Do not end yet: the launcher may ask something, and ends this process when it has all it wants."""
        time.sleep(seconds if self._answers else 0.0)

    def tell(self, message: Message) -> None:
        """Send ``message``; a launcher that is gone hears nothing."""
        with self._writing, contextlib.suppress(OSError):
            self._connection.sendall(self._unsent + encode(message))
            self._unsent = b""

    def _tell_if_there_is_room(self, message: Message) -> None:
        with self._writing, contextlib.suppress(OSError):
            self._unsent = self._unsent or encode(message)
            self._unsent = self._unsent[self._connection.send(self._unsent, socket.MSG_DONTWAIT) :]

    @property
    def own_address(self) -> str:
        """That of this host towards the launcher: on the network of the job."""
        return str(self._connection.getsockname()[0])

    def tell_store(self, address: str) -> None:
        """Let all processes know where rank 0, this one, has opened a store: HOST:PORT."""
        self.tell({"store": address})

    def hear_store(self) -> str:
        """Where rank 0 has opened a store; waits for it. `watch` must have been called."""
        return self._store.get()

    def tell_crashes(self) -> None:
        """Let a crash in native code end this process with its own signal, its Python stack in the log.

        MXNet, which must be imported by now, makes an exit code 255 of it.
        """
        for number in (signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL):
            signal.signal(number, signal.SIG_DFL)
        faulthandler.enable(file=2)

    def tell_recorder(self) -> None:
        """Send what the flight recorder holds, and the time here."""
        recorded = self._progress.recorder.events().as_json()
        self.tell({"recorder": {"now": time.monotonic_ns(), "boot": boot_of_host(), **recorded}})

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
            "memory": _resident_bytes(),
            "seconds": dict(now.seconds),
            "spent": list(now.spent),
        }
        if now.idle_seconds > BEAT_SECONDS:  # what a busy process enters is of no interest
            beat["recent"] = list(now.recent)
        self._tell_if_there_is_room({"beat": beat})

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
            elif self._is_cut_off(_seconds_since_acknowledgement(self._connection)):
                self._end_unless_leaving(143)
            self._beat()

    def _is_cut_off(self, silence: float) -> bool:
        """Whether the launcher's host is gone, after so many seconds without an acknowledgement."""
        asked_every = PROBE_SECONDS if self._unsent else BEAT_SECONDS
        return silence > max(asked_every, *self._limits.values())

    def _hear(self, message: Message) -> None:
        self._has_heard = True
        if "stop" in message:
            self._stop.make(str(message["stop"]))
        if "store" in message:
            self._store.put(str(message["store"]))
        if "record" in message:
            self.tell_recorder()
        for question, content in message.get("ask", {}).items():
            threading.Thread(target=self._reply, args=(question, content), daemon=True).start()
        if "end" in message:
            self._end_unless_leaving(int(message["end"]))

    def _reply(self, question: str, content: Any) -> None:
        answer: Message = {"error": "has nothing to say to that yet"}
        if question in self._answers:
            try:
                answer = self._answers[question](content)
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
        self.tell({"reply": {question: answer}})

    def _dump_stacks_after_idling(self) -> None:
        """The timer is outside the interpreter, so it fires while the interpreter is stuck."""
        limit = self._limits[self._progress.phase in SLOW_PHASES]
        with contextlib.suppress(RuntimeError):  # no thread is left for it
            faulthandler.dump_traceback_later(limit * DUMP_SHARE, file=2)

    def _end_refused(self) -> None:
        """The launcher closes the line to strangers without a word, so this process has to find its own."""
        if self._is_leaving:
            return
        error = ClusterError(
            "CLU21",
            f"the launcher at {os.environ[ADDRESS]}",
            "closed the line before a word: it is of another job (another key or rank), or has just ended",
            f"start processes with {gluonlab_command('launch')}",
        )
        with contextlib.suppress(OSError):
            os.write(2, f"{error}\n".encode())
        os._exit(error.exit_code)

    def _end_unless_leaving(self, code: int) -> None:
        if not self._is_leaving:
            os._exit(code)


def _seconds_since_acknowledgement(connection: socket.socket) -> float:
    """How long the other host has acknowledged nothing that came from here."""
    information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return float(struct.unpack_from("=I", information, 56)[0]) / 1000  # tcpi_last_ack_recv of <linux/tcp.h>


def boot_of_host() -> str:
    """What is the same for all processes whose monotonic clocks are one; "" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _resident_bytes() -> int:
    """Memory of this process; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


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
    try:
        startup_seconds, idle_seconds = (float(text) for text in os.environ[LIMITS].split(","))
        key = os.environ.get(KEY) or Path(os.environ[KEY_FILE]).read_text()
        connection = socket.create_connection((host, int(port)), timeout=30)
    except (OSError, KeyError, ValueError) as error:
        raise ClusterError(
            "CLU21", f"the launcher at {host}:{port}", f"cannot be reached: {error}", "see --interface"
        ) from None
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line = LauncherLine(connection, startup_seconds, idle_seconds)
    line.tell({"hello": key, "rank": launched_process().rank, "host": node(), "pid": os.getpid()})
    return line
