"""Answers to who asks the metrics port: one page, short requests, few at a time, never for long.

It takes a handful of bytes and two seconds from each, so nobody can hold it, let alone the job.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address

from gluonlab.reporting.exposition import CONTENT_TYPE

MAX_REQUEST_BYTES = 8192
MAX_CLIENTS = 8
CLIENT_SECONDS = 2.0
LOOK_SECONDS = 0.5
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}


class MetricsPort:
    """Serves ``text()`` at /metrics of ``listener`` while it is entered; calls ``look`` twice a second."""

    def __init__(self, listener: socket.socket, text: Callable[[], str], look: Callable[[], None]) -> None:
        self._listener, self._text, self._look = listener, text, look
        self._is_loopback = ip_address(listener.getsockname()[0]).is_loopback
        self._clients = threading.BoundedSemaphore(MAX_CLIENTS)
        self._one_at_a_time = threading.Lock()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="gluonlab-metrics", daemon=True)

    def __enter__(self) -> MetricsPort:
        self._listener.settimeout(LOOK_SECONDS)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join(2 * LOOK_SECONDS)
        self._listener.close()

    def _serve(self) -> None:
        looked = 0.0
        while not self._is_over.is_set():
            if time.monotonic() - looked >= LOOK_SECONDS:
                looked = time.monotonic()
                self._look()
            try:
                connection, _ = self._listener.accept()
            except OSError:  # nobody came, or the client has gone again, or there are no descriptors left
                self._is_over.wait(0.01)
                continue
            self._hand_over(connection)

    def _hand_over(self, connection: socket.socket) -> None:
        if not self._clients.acquire(blocking=False):
            connection.close()
            return
        try:
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
        except RuntimeError:  # no further thread
            self._clients.release()
            connection.close()

    def _answer(self, connection: socket.socket) -> None:
        try:
            with connection, contextlib.suppress(OSError):
                deadline = time.monotonic() + CLIENT_SECONDS
                status, body, has_body = self._reply(_read_request(connection, deadline))
                connection.settimeout(max(0.01, deadline - time.monotonic()))
                connection.sendall(_message(status, body, has_body=has_body))
        finally:
            self._clients.release()

    def _reply(self, request: bytes) -> tuple[int, str, bool]:
        """Status, text, and whether the text is wanted."""
        head, *fields = request.split(b"\r\n")
        words = head.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return 400, "not a request\n", True
        method, target = words[0], words[1].split(b"?")[0]
        if method not in (b"GET", b"HEAD"):
            return 405, "only GET\n", True
        if self._is_loopback and not _is_for_this_machine(fields):
            return 403, "another host was meant\n", method == b"GET"
        if target != b"/metrics":
            return 404, "see /metrics\n", method == b"GET"
        with self._one_at_a_time:
            return 200, self._text(), method == b"GET"


def _read_request(connection: socket.socket, deadline: float) -> bytes:
    """The lines of a request; what there is of it when it is too long or comes too slowly."""
    data = b""
    while b"\r\n\r\n" not in data and len(data) < MAX_REQUEST_BYTES:
        connection.settimeout(max(0.01, deadline - time.monotonic()))
        part = connection.recv(MAX_REQUEST_BYTES - len(data))
        if not part:
            break
        data += part
    return data.partition(b"\r\n\r\n")[0] if b"\r\n\r\n" in data else b""


def _is_for_this_machine(fields: list[bytes]) -> bool:
    """Whether the request names loopback, or no host: a page of another site names its own."""
    names = [field.partition(b":")[2].strip() for field in fields if field.lower().startswith(b"host:")]
    hosts = {name.rpartition(b":")[0] or name for name in names}
    return hosts <= {b"127.0.0.1", b"localhost", b"[::1]"}


def _message(status: int, body: str, *, has_body: bool) -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(content)}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (content if has_body else b"")
