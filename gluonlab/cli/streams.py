"""Standard streams that may be closed, full, or left by their reader, while the work goes on."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, Optional, TextIO, Union


class _Tolerant(io.FileIO):
    """The raw end of a stream: what the system does not take is dropped, and told in ``failure``."""

    failure: Optional[OSError] = None

    def write(self, data: Any) -> int:
        """Never fails, and waits where the descriptor itself does not."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
        except OSError as error:
            self.failure = self.failure or error
            return memoryview(data).nbytes
        return written


def tolerant_stream(file: Union[int, str]) -> TextIO:
    """A text stream to ``file``, a path or an open descriptor, whose writes never fail.

    Raises:
        OSError: the path cannot be opened.
    """
    raw = _Tolerant(file, "w", closefd=not isinstance(file, int))
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=True)


def mend_standard_streams() -> None:
    """Make stdin, stdout and stderr safe to use for the rest of this process.

    A closed one becomes /dev/null: the next file to be opened would get its number, and with it all that
    libraries print.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    sys.stdout, sys.stderr = tolerant_stream(1), tolerant_stream(2)


def lost_output() -> Optional[OSError]:
    """Why some of stdout was lost; None if nothing was, or if its reader had seen enough."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, _Tolerant) else None
    return None if failure is None or failure.errno == errno.EPIPE else failure
