"""Scalars for TensorBoard, written through tensorboardX's event file."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gluonlab.disk import make_folder

FLUSH_SECONDS = 10.0


@contextmanager
def _without_torch() -> Iterator[None]:
    """Let nobody import PyTorch, which tensorboardX does where it finds it, and needs for nothing here.

    It would take seconds of each start, and after Horovod's libraries it ends the process with SIGSEGV.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # an import of it raises ImportError
    try:
        yield
    finally:
        del sys.modules["torch"]


class TensorBoardLog:
    """Writes one event file in ``directory``, which is made if it is missing. OSError if it cannot."""

    def __init__(self, directory: Path) -> None:
        # Not SummaryWriter: its queue blocks for ever once its thread has died on a full disk.
        with _without_torch():
            from tensorboardX.event_file_writer import EventsWriter

        make_folder(directory)
        # Without the process id a restart within the same second would overwrite the earlier file.
        self._writer = EventsWriter(str(directory / "events"), f".{os.getpid()}")
        self._next_flush = 0.0

    def add(self, kind: str, step: int, values: Mapping[str, float]) -> None:
        """Write ``values`` as scalars ``kind/name`` at ``step``; OSError if the disk is full.

        A ``resume`` or ``rollback`` makes TensorBoard forget what lies beyond ``step``.
        """
        from tensorboardX.proto.event_pb2 import Event, SessionLog
        from tensorboardX.proto.summary_pb2 import Summary

        now = time.time()
        if kind in ("resume", "rollback"):
            start = SessionLog(status=SessionLog.START)
            self._writer.write_event(Event(wall_time=now, step=step + 1, session_log=start))
        else:
            scalars = [
                Summary.Value(tag=f"{kind}/{name}", simple_value=value)
                for name, value in values.items()
                if not math.isnan(value)
            ]
            self._writer.write_event(Event(wall_time=now, step=step, summary=Summary(value=scalars)))
        if now >= self._next_flush:
            self._writer.flush()
            self._next_flush = now + FLUSH_SECONDS

    def close(self) -> None:
        """Flush and close the file."""
        self._writer.close()
