"""Rows of a metrics file as they come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gluonlab.disk import reading
from gluonlab.reporting.run_files import Row, parse_row

_BLOCK_BYTES = 1 << 20


class RowReader:
    """Reads the rows of a metrics file as they come; a row that is not whole yet is left for later."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._line = 0

    def new_rows(self) -> Iterator[Row]:
        """The rows since the last call.

        OSError if the file cannot be read, CheckpointError CKP03 that names the line if a row is damaged.
        """
        if not self._path.exists():
            return
        with reading(self._path), self._path.open("rb") as file:
            file.seek(self._offset)
            while lines := file.readlines(_BLOCK_BYTES):
                for line in lines:
                    if not line.endswith(b"\n"):
                        return
                    self._offset += len(line)
                    self._line += 1
                    yield parse_row(line, f"{self._path}:{self._line}")
