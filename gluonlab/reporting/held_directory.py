"""The directory of a run has to stay where it is: nothing may be written into another one in its place."""

from __future__ import annotations

import errno
import os
import time
import weakref
from pathlib import Path
from typing import Optional

from gluonlab.disk import make_folder
from gluonlab.reporting.run_files import CONFIG, LOCK

# Errors that say that a path leads nowhere any more; others may pass.
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO)
PATIENCE_SECONDS = 5.0
_DELETED = " (deleted)"


class HeldDirectory:
    """The directory that ``path`` names; another one, or none, in its place is noticed.

    From the first look that finds one it is held by a descriptor, so that its inode is not given to another.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: Optional[int] = None
        self._marks: list[str] = []
        self._changed = 0
        self._lost = ""
        self._failing_since: Optional[float] = None

    @property
    def is_lost(self) -> bool:
        """Whether it was held and is not there any more."""
        return bool(self._descriptor is not None and self.problem())

    def hold(self) -> None:
        """Take hold of the directory that is there now, if there is one, and of what makes it a run."""
        self.problem()
        self._marks = [name for name in (LOCK, CONFIG) if (self.path / name).exists()]

    def make(self) -> None:
        """Make the directory, if it was never there, and take hold of it; OSError if it is not there now."""
        if self._descriptor is None:
            make_folder(self.path, 0o700)
        self.check()

    def problem(self) -> str:
        """What became of the directory, "" as long as it is there. Costs a stat; what is lost stays lost.

        Another error than that it is not there may pass: it counts after `PATIENCE_SECONDS`.
        """
        if self._lost:
            return self._lost
        try:
            if self._descriptor is None:
                self._hold()
            status = os.stat(self.path)
        except OSError as error:
            what = error.strerror or str(error)
            if self._descriptor is None:
                return what
            now = time.monotonic()
            self._failing_since = self._failing_since or now
            if error.errno in _GONE or now - self._failing_since > PATIENCE_SECONDS:
                self._lost = self._what_happened(f"cannot be found ({what})")
        else:
            self._failing_since = None
            if not self._is_same(status):
                self._lost = self._what_happened("has another directory in its place")
            elif status.st_mtime_ns != self._changed:  # a name in it came or went
                self._changed = status.st_mtime_ns
                gone = [name for name in self._marks if not (self.path / name).exists()]
                self._lost = f"has lost its {gone[0]}" if gone else ""
        return self._lost

    def check(self) -> None:
        """OSError if it is not there: what is opened by its path would be in another one, or none."""
        if self.problem():
            raise OSError(errno.ENOENT, self.problem(), str(self.path))

    def _hold(self) -> None:
        self._descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self._status = os.fstat(self._descriptor)
        self._place = os.path.realpath(self.path)

    def _is_same(self, status: os.stat_result) -> bool:
        if os.path.samestat(status, self._status):
            return True
        assert self._descriptor is not None, "it is held"
        self._status = os.fstat(self._descriptor)  # some file systems number a directory anew
        return os.path.samestat(status, self._status)

    def _what_happened(self, otherwise: str) -> str:
        """Where Linux says that the held directory is; what it tells of an unmounted disk is no place."""
        try:
            place = os.readlink(f"/proc/self/fd/{self._descriptor}")
            if place.endswith(_DELETED):
                return "was removed"
            is_there = place != self._place and self._is_same(os.stat(place))
        except OSError:
            return otherwise
        return f"was moved to {place}" if is_there else otherwise
