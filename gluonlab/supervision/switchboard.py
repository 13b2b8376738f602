"""The launcher's end of the lines to its processes."""

from __future__ import annotations

import hmac
import logging
import secrets
import socket
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

from gluonlab.supervision.failure import FailureReport
from gluonlab.supervision.flight_recorder import Recorded, recorded_from_json
from gluonlab.supervision.lived_time import LivedTime
from gluonlab.supervision.messages import Lines, Message, encode
from gluonlab.supervision.progress import REMEMBERED
from gluonlab.supervision.stragglers import Spent

HELLO_SECONDS = 3.0
MAX_STRANGERS = 64
MAX_PHASES = 16

_log = logging.getLogger("gluonlab")


class Answer(NamedTuple):
    """What a process sent of its recorder: its monotonic clock (ns) ``there``, the launcher's ``here``."""

    recorded: Recorded
    boot: str
    there: int
    here: int


@dataclass
class RankView:
    """What the launcher knows of one process; times are of the switchboard's clock.

    ``seconds`` is what it has spent in each phase so far, ``memory`` its resident bytes, ``replies`` are
    by what the launcher has asked.
    """

    rank: int
    host: str
    pid: int
    heard: float
    step: int = 0
    phase: str = ""
    collectives: int = 0
    recent: tuple[str, ...] = ()
    idle: float = 0.0
    memory: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    report: Optional[FailureReport] = None
    answer: Optional[Answer] = None
    replies: dict[str, Message] = field(default_factory=dict)
    is_done: bool = False
    left: Optional[float] = None

    @property
    def collective(self) -> str:
        """The collective that it entered last."""
        return self.recent[-1] if self.recent else "none"

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"rank {self.rank} ({self.host}, pid {self.pid})"


@dataclass
class Switchboard:
    """Listens on one ``address``; a connection must name ``key`` before anything else.

    ``stop_wish`` is the reason for which a process wants the job to stop, ``store`` where rank 0 says that
    processes meet, ``failure`` the reason for which nobody can be heard any more. ``record_wishes``
    counts the processes' wishes for all recorders, ``news`` is set when one leaves, fails or replies.
    """

    address: str
    size: int
    clock: LivedTime = field(default_factory=LivedTime)
    key: str = field(default_factory=lambda: secrets.token_hex(32))
    ranks: dict[int, RankView] = field(default_factory=dict)
    stop_wish: str = ""
    store: str = ""
    record_wishes: int = 0
    failure: Optional[Exception] = None

    def __enter__(self) -> Switchboard:
        self._lines: dict[int, socket.socket] = {}
        self._introducing = threading.Lock()
        self._told: set[str] = set()
        self.news = threading.Event()
        self._strangers = threading.BoundedSemaphore(MAX_STRANGERS + self.size)
        self._server = socket.create_server((self.address, 0), backlog=MAX_STRANGERS + self.size)
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, name="gluonlab-switchboard", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for connection in [self._server, *self._lines.values()]:
            connection.close()

    def tell_all(self, message: Message) -> None:
        """Send ``message`` to every process; one that is gone or frozen misses it."""
        self.tell(list(self._lines), message)

    def tell(self, ranks: Iterable[int], message: Message) -> None:
        """Send ``message`` to these processes, as `tell_all` does."""
        for rank in ranks:
            try:
                self._lines[rank].send(encode(message), socket.MSG_DONTWAIT)
            except OSError:
                continue

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._server.accept()
            except OSError:
                return
            self._strangers.acquire()  # they leave soon, and a process of ours can wait for it
            try:
                threading.Thread(target=self._serve, args=(connection, peer[0]), daemon=True).start()
            except RuntimeError as error:
                self.failure = error
                return

    def _serve(self, connection: socket.socket, peer: str) -> None:
        lines = Lines(connection)
        try:
            view = self._greet(lines.first(HELLO_SECONDS))
        except (OSError, EOFError, ValueError, KeyError, TypeError, RecursionError):
            self._tell_once(peer)
            connection.close()
            return
        finally:
            self._strangers.release()
        try:
            with self._introducing:  # who comes before the store is told of it by `_note`
                connection.sendall(encode({"welcome": True}))  # what no stranger hears
                self._lines[view.rank] = connection
                if self.store:
                    connection.sendall(encode({"store": self.store}))
            for message in lines:
                self._note(view, message)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass  # the process is gone, or talks nonsense
        view.left = self.clock()
        self.news.set()
        connection.close()

    def _tell_once(self, peer: str) -> None:
        if peer not in self._told and len(self._told) < MAX_STRANGERS:
            self._told.add(peer)
            _log.warning("a connection from %s to the launcher did not name the job's key; closed", peer)

    def _greet(self, hello: Message) -> RankView:
        if not hmac.compare_digest(str(hello["hello"]).encode(), self.key.encode()):
            raise ValueError("another key")
        rank = int(hello["rank"])
        if not 0 <= rank < self.size or rank in self.ranks:
            raise ValueError("no such rank")
        view = RankView(rank, str(hello["host"])[:64], int(hello["pid"]), self.clock())
        self.ranks[rank] = view
        return view

    def _note(self, view: RankView, message: Message) -> None:
        view.heard = self.clock()
        if "beat" in message:
            beat = message["beat"]
            view.step, view.phase = int(beat["step"]), str(beat["phase"])[:64]
            view.collectives, view.idle = int(beat["collectives"]), float(beat["idle"])
            view.memory = int(beat.get("memory", 0))
            view.seconds = _seconds(beat.get("seconds", {}))
            updates, own, waiting = beat.get("spent", Spent())
            view.spent = Spent(int(updates), float(own), float(waiting))
            view.recent = tuple(str(name)[:64] for name in beat.get("recent", ())[:REMEMBERED])
        elif "report" in message:
            view.report = FailureReport.from_json(message["report"])
            self.news.set()
        elif "reply" in message:
            view.replies.update({str(what): dict(reply) for what, reply in message["reply"].items()})
            self.news.set()
        elif "stop" in message:
            self.stop_wish = self.stop_wish or f"{str(message['stop'])[:64]} to rank {view.rank}"
        elif "store" in message and view.rank == 0:
            with self._introducing:
                self.store = str(message["store"])[:256]
                self.tell_all({"store": self.store})
        elif "record" in message:
            self.record_wishes += 1
        elif "recorder" in message:
            view.answer = _answer(message["recorder"])
        elif "done" in message:
            view.is_done = True


def _answer(raw: dict[str, Any]) -> Answer:
    return Answer(recorded_from_json(raw), str(raw["boot"])[:64], int(raw["now"]), time.monotonic_ns())


def _seconds(raw: dict[str, Any]) -> dict[str, float]:
    return {str(phase)[:64]: float(seconds) for phase, seconds in list(raw.items())[:MAX_PHASES]}
