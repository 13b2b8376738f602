"""Files of web servers, from where a connection was lost on; what they hold is for the caller to check."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gluonlab.disk import BLOCK_BYTES

TIMEOUT_SECONDS = 30


class UnreachableError(Exception):
    """What a server or the way to it has done; the caller says in an error of ours what it was for."""


class Answer:
    """What a server sends: a file, or its end from where it was asked for if it ``is_rest``."""

    def __init__(self, response: Any) -> None:
        self._response = response
        self.is_rest = response.status == http.HTTPStatus.PARTIAL_CONTENT
        self.is_empty = response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE

    @property
    def missing_bytes(self) -> int:
        """What the server has announced and not sent, at the end of `blocks`."""
        return self._response.length or 0

    def blocks(self) -> Iterator[bytes]:
        """What comes, until the server or the connection ends; raises `UnreachableError`."""
        while block := self.read(BLOCK_BYTES):
            yield block

    def read(self, size: int) -> bytes:
        """``size`` bytes at most; raises `UnreachableError`."""
        try:
            return bytes(self._response.read(size))
        except (http.client.HTTPException, OSError) as error:
            raise UnreachableError(f"cannot be fetched: {error}") from None


@contextmanager
def opened(address: str, start: int = 0) -> Iterator[Answer]:
    """The answer to ``address``, from byte ``start`` on where the server can do that.

    Raises:
        UnreachableError: it is no address of the web, or there is no such file.
    """
    if not address.startswith(("http://", "https://")):
        raise UnreachableError("is no address of the web")
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    with _asked(request, start) as response:
        yield Answer(response)


def _asked(request: urllib.request.Request, start: int) -> Any:
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return error  # there is nothing beyond
        error.close()
        raise UnreachableError(f"cannot be fetched: {error}") from None
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise UnreachableError(f"cannot be fetched: {error}") from None
