"""Files of a web server, gone on with where a connection was lost; the caller checks what they hold."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from gluonlab.disk import writing
from gluonlab.errors import CheckpointError

TIMEOUT_SECONDS = 30
LARGEST_SMALL_FILE = 1 << 20
BLOCK = 1 << 20


def read_small(address: str) -> bytes:
    """The file at ``address``, which may have 1 MiB.

    Raises:
        CheckpointError: CKP46 it cannot be fetched, or is larger.
    """
    with _open(address) as response:
        raw = _read(response, LARGEST_SMALL_FILE + 1, address)
    if len(raw) > LARGEST_SMALL_FILE:
        raise CheckpointError("CKP46", address, "has more than 1 MiB, so it does not describe weights")
    return raw


def download(address: str, target: Path) -> None:
    """Append to ``target`` what it does not have yet of the file at ``address``.

    Raises:
        CheckpointError: CKP46 it cannot be fetched, or not to its end; what came is kept.
        OSError: ``target`` cannot be written.
    """
    start = target.stat().st_size if target.exists() else 0
    with _open(address, start) as response:
        if response.status == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing
        is_rest = response.status == http.HTTPStatus.PARTIAL_CONTENT
        with writing(target), target.open("ab" if is_rest else "wb") as file:
            while block := _read(response, BLOCK, address):
                file.write(block)
        if response.length:
            what = f"the connection ended {response.length:,} bytes before the end"
            raise CheckpointError("CKP46", address, what, "what came is kept; run it again")


def _open(address: str, start: int = 0) -> Any:
    """The answer of the server, from byte ``start`` on where it can do that."""
    if not address.startswith(("http://", "https://")):
        raise CheckpointError("CKP46", address, "is no address of the web")
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    try:
        return urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return error
        error.close()
        raise _failed(address, error) from None
    except (http.client.HTTPException, OSError, ValueError) as error:
        raise _failed(address, error) from None


def _read(response: Any, size: int, address: str) -> bytes:
    try:
        return bytes(response.read(size))
    except (http.client.HTTPException, OSError) as error:
        raise _failed(address, error) from None


def _failed(address: str, reason: object) -> CheckpointError:
    return CheckpointError("CKP46", address, f"cannot be fetched: {reason}")
