"""Reading that outlives a short failure of the disk or of the network behind it."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable

from gluonlab.errors import CheckpointError

PASSING = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR)
PAUSES = (0.1, 0.5, 2.0)
"""Seconds before each further attempt."""


def read_with_retries(read: Callable[[], bytes], where: str) -> bytes:
    """What ``read`` returns, tried four times where the error may pass.

    Raises:
        CheckpointError: DAT19 if it does not pass. Other errors of the system as they come.
    """
    for pause in (*PAUSES, None):
        try:
            return read()
        except OSError as error:
            if error.errno not in PASSING:
                raise
            if pause is None:
                tries = len(PAUSES) + 1
                raise CheckpointError(
                    "DAT19", where, f"{error.strerror}, {tries} times", "check the disk or file server"
                ) from error
        time.sleep(pause)
    raise AssertionError("unreachable")
