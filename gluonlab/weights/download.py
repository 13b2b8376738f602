"""Files of weights from a mirror; the caller checks what they hold."""

from __future__ import annotations

from pathlib import Path

from gluonlab.disk import writing
from gluonlab.download import UnreachableError, opened
from gluonlab.errors import CheckpointError

LARGEST_SMALL_FILE = 1 << 20


def read_small(address: str) -> bytes:
    """The file at ``address``, which may have 1 MiB.

    Raises:
        CheckpointError: CKP46 it cannot be fetched, or is larger.
    """
    try:
        with opened(address) as answer:
            raw = answer.read(LARGEST_SMALL_FILE + 1)
    except UnreachableError as error:
        raise CheckpointError("CKP46", address, str(error)) from None
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
    try:
        with opened(address, start) as answer:
            if answer.is_empty:
                return  # nothing is missing
            with writing(target), target.open("ab" if answer.is_rest else "wb") as file:
                for block in answer.blocks():
                    file.write(block)
            missing = answer.missing_bytes
    except UnreachableError as error:
        raise CheckpointError("CKP46", address, str(error)) from None
    if missing:
        what = f"the connection ended {missing:,} bytes before the end"
        raise CheckpointError("CKP46", address, what, "what came is kept; run it again")
