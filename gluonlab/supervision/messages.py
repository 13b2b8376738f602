"""The words on the line between a launcher and its processes: one JSON object per line of text.

A process begins with ``hello`` and the key of the job; a connection that does not is closed.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

Message = dict[str, Any]

# A failure report with its traceback fits many times.
LINE_BYTES = 1 << 18


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps(message).encode() + b"\n"


class Lines:
    """Messages from a socket; ValueError for what is none."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""

    def first(self, within_seconds: float) -> Message:
        """The first message; TimeoutError unless it is complete in time, EOFError at the end."""
        deadline = time.monotonic() + within_seconds
        while b"\n" not in self._rest:
            self._connection.settimeout(max(0.001, deadline - time.monotonic()))
            if not self._receive():
                raise EOFError
        self._connection.settimeout(None)
        return self._next()

    def __iter__(self) -> Iterator[Message]:
        """All messages until the other side closes."""
        while True:
            while b"\n" in self._rest:
                yield self._next()
            if not self._receive():
                return

    def _receive(self) -> bool:
        received = self._connection.recv(1 << 16)
        self._rest += received
        if len(self._rest) > LINE_BYTES and b"\n" not in self._rest:
            raise ValueError("a line is too long")
        return bool(received)

    def _next(self) -> Message:
        line, _, self._rest = self._rest.partition(b"\n")
        message = json.loads(line)
        if not isinstance(message, dict):
            raise ValueError("not an object")
        return message
