"""Calls that are tried again where the disk, or the network behind it, may fail for a moment only."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

Result = TypeVar("Result")

PASSING = (errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR)
PAUSES = (0.1, 0.5, 2.0)
"""Seconds before each further attempt."""


def retried(action: Callable[[], Result], passing: Sequence[int] = PASSING) -> Result:
    """What ``action`` returns, tried four times where it fails of an error whose number is in ``passing``.

    Raises:
        OSError: the last one.
    """
    for pause in PAUSES:
        try:
            return action()
        except OSError as error:
            if error.errno not in passing:
                raise
        time.sleep(pause)
    return action()
