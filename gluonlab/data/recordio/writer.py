"""Record files that appear under their names only when they are whole."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import IO, Optional

from gluonlab.data.recordio.format import FilePath, frame, temporary_path
from gluonlab.disk import writing


class RecordWriter:
    """Writes ``path`` and its index; both appear under their names only when all went well.

    Use as a context manager. Until then the bytes are in ``<name>.tmp-<pid>`` beside them, removed on error.
    """

    def __init__(self, path: FilePath, index_path: Optional[FilePath] = None) -> None:
        self.path = Path(path)
        self.index_path = Path(index_path) if index_path else self.path.with_suffix(".idx")
        self._files: list[IO[bytes]] = []
        self._count = self.bytes = 0

    def __enter__(self) -> RecordWriter:
        for path in (self.path, self.index_path):
            with writing(path):
                self._files.append(open(temporary_path(path), "wb"))
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            for file, path in zip(self._files, (self.path, self.index_path)):
                with contextlib.suppress(OSError):  # a full disk was told before; now the file must go
                    file.close()
                temporary_path(path).unlink(missing_ok=True)

    def write(self, payload: bytes) -> None:
        """Append a record; its key in the index is its number."""
        records, index = self._files
        framed = frame(payload)
        with writing(self.path):
            records.write(framed)
        with writing(self.index_path):
            index.write(f"{self._count}\t{self.bytes}\n".encode())
        self.bytes += len(framed)
        self._count += 1

    def _commit(self) -> None:
        for file, path in zip(self._files, (self.path, self.index_path)):
            with writing(path):
                file.flush()
                os.fsync(file.fileno())
        # New records never stand beside an old index: without one, the index is rebuilt.
        self.index_path.unlink(missing_ok=True)
        os.replace(temporary_path(self.path), self.path)
        os.replace(temporary_path(self.index_path), self.index_path)
