"""Files of runs as a page may read them: regular ones inside the folder, through no link, never locked."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Optional

from gluonlab.reporting import run_files

MAX_JSON_BYTES = 4_000_000
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


def read_part(path: Path, start: int, max_bytes: int) -> bytes:
    """At most ``max_bytes`` of the regular file ``path`` from ``start``; from its end if negative.

    OSError if it is a link, no regular file, or cannot be read.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a regular file")
        start = max(0, status.st_size + start) if start < 0 else start
        return os.pread(descriptor, max_bytes, start)
    finally:
        os.close(descriptor)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in ``path``. OSError if it cannot be read, ValueError if it is something else."""
    data = read_part(path, 0, MAX_JSON_BYTES + 1)
    if len(data) > MAX_JSON_BYTES:
        raise ValueError("too large")
    try:
        value = json.loads(data)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def find_runs(folder: str, depth: int) -> Iterator[tuple[str, float]]:
    """The run directories in ``folder`` and ``depth`` levels below, and when each began; follows no links."""
    began = modified(f"{folder}/{run_files.CONFIG}")
    if began is not None:
        yield folder, began
        return
    if depth == 0:
        return
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:  # vanished, or not ours to read
        return
    for name in names:
        yield from find_runs(f"{folder}/{name}", depth - 1)


def modified(path: str) -> Optional[float]:
    """Time of change of the regular file ``path``; None if there is none, or a link to one."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_mtime if stat.S_ISREG(status.st_mode) else None


def lock_holders() -> dict[int, int]:
    """Inode to process of each lock on this host; looking takes no lock, so it disturbs no run."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return {}
    fields = [line.split() for line in lines if "->" not in line]
    return {int(words[-3].rsplit(":", 1)[1]): int(words[-4]) for words in fields}
