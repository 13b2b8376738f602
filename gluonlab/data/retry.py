"""Reading that outlives a short failure of the disk or of the network behind it."""

from __future__ import annotations

from collections.abc import Callable

from gluonlab.disk import reading
from gluonlab.errors import CheckpointError
from gluonlab.retry import PASSING, PAUSES, retried


def read_with_retries(read: Callable[[], bytes], where: str) -> bytes:
    """What ``read`` returns, tried four times where the error may pass.

    Raises:
        CheckpointError: DAT19 if it does not pass. Other errors of the system as they come.
    """
    try:
        with reading(where):
            return retried(read)
    except OSError as error:
        if error.errno not in PASSING:
            raise
        what = f"{error.strerror}, {len(PAUSES) + 1} times"
        raise CheckpointError("DAT19", where, what, "check the disk or file server") from error
