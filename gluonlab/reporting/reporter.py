"""One place to log to: the metrics file, the console and TensorBoard of a run.

Training outlives its log. A full disk, or a console that went away, is told once and costs rows, not the run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Optional, TextIO

from gluonlab.disk import writing
from gluonlab.reporting import run_files
from gluonlab.reporting.console import ConsoleReport, has_bar
from gluonlab.reporting.held_directory import HeldDirectory
from gluonlab.reporting.tensorboard import TensorBoardLog


class Reporter:
    """What rank 0 logs to, in ``run_dir``, for a run of ``total_steps`` that goes on at ``start_step``.

    ``progress``: True a bar, False plain lines, None whichever suits ``stream`` (stdout if not given).
    ``news`` are lines from elsewhere, which are asked for with each row.
    """

    def __init__(
        self,
        run_dir: Path,
        total_steps: int,
        start_step: int = 0,
        progress: Optional[bool] = None,
        tensorboard: bool = False,
        stream: Optional[TextIO] = None,
        news: Callable[[], Sequence[str]] = list,
    ) -> None:
        stream = sys.stdout if stream is None else stream
        draws_bar = has_bar(stream) if progress is None else progress
        self._directory = HeldDirectory(run_dir)
        self._directory.hold()
        self._warned: set[str] = set()
        self._news = news
        self._metrics = run_files.MetricsLog(run_dir / run_files.METRICS)
        self._console = ConsoleReport(total_steps, start_step, draws_bar, stream)
        self._tensorboard: Optional[TensorBoardLog] = None
        if tensorboard:
            self._attempt("TensorBoard", self._open_tensorboard)

    def log(self, kind: str, step: int, **values: float) -> None:
        """Log ``values`` of one row: ``kind`` as in the metrics file, ``step`` in finished updates."""
        plain = {name: v if isinstance(v, int) else float(v) for name, v in values.items()}
        row = {"kind": kind, "step": step, "time": time.time(), **plain}
        self._attempt(run_files.METRICS, lambda: self._append_row(row))
        if kind == "train":
            self._attempt("console", lambda: self._console.train_row(step, plain))
        elif kind == "validation":
            self._attempt("console", lambda: self._console.validation_row(step, plain))
        tensorboard = self._tensorboard
        if tensorboard:
            self._attempt("TensorBoard", lambda: tensorboard.add(kind, step, plain))
        for line in self._news():
            self.message(line)

    def message(self, text: str) -> None:
        """Show ``text`` on the console and add it, with the local time, to ``log.txt``."""
        self._attempt("console", lambda: self._console.message(text))
        self._attempt(run_files.LOG, lambda: self._append_to_log(text))

    def close(self) -> None:
        """Close all files and give the terminal back."""
        self._attempt("console", self._console.close)
        self._attempt(run_files.METRICS, self._metrics.close)
        if self._tensorboard:
            self._attempt("TensorBoard", self._tensorboard.close)
            self._tensorboard = None

    def __enter__(self) -> Reporter:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _attempt(self, what: str, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            if what not in self._warned:
                self._warned.add(what)
                reason = error.strerror or str(error)
                self.message(f"warning: {what} cannot be written ({reason}); training goes on without it")

    def _append_row(self, row: run_files.Row) -> None:
        if not self._metrics.is_open:
            self._directory.check()
        self._metrics.append(row)

    def _append_to_log(self, text: str) -> None:
        self._directory.check()
        path = self._directory.path / run_files.LOG
        with writing(path), path.open("a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")

    def _open_tensorboard(self) -> None:
        self._tensorboard = TensorBoardLog(self._directory.path / "tensorboard")


class SilentReporter:
    """What every other process holds: the same methods, which do nothing."""

    def log(self, kind: str, step: int, **values: float) -> None:
        """Do nothing: rank 0 logs."""

    def message(self, text: str) -> None:
        """Do nothing: rank 0 prints."""

    def close(self) -> None:
        """Do nothing: no file is open."""

    def __enter__(self) -> SilentReporter:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()
