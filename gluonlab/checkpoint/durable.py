"""Files and directories that are on the disk when a call returns."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gluonlab.disk import writing
from gluonlab.fault_injection import fault_point

CHUNK_BYTES = 1 << 18


def write_durably(path: Path, raw: bytes) -> None:
    """Write ``raw`` to the new file ``path`` and flush it to the disk.

    OSError if a byte of it may be missing.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with writing(path), open(descriptor, "wb", buffering=0) as file:
        rest = memoryview(raw)
        while rest:
            rest = rest[file.write(rest[:CHUNK_BYTES]) :]
            fault_point("save.write")
        fault_point("save.fsync")
        os.fsync(descriptor)
        if os.fstat(descriptor).st_size != len(raw):
            raise OSError(errno.EIO, "the file is shorter than what was written", str(path))
    fault_point("save.closed")


def flush_directory(path: Path) -> None:
    """Make the names in ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with writing(path):
            fault_point("save.fsync")
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def rename_durably(old: Path, new: Path) -> None:
    """Give the directory ``old`` the name ``new`` beside it, in one step."""
    fault_point("save.rename")
    os.rename(old, new)
    fault_point("save.renamed")
    flush_directory(new.parent)
