"""The file of a result: rows with a name, a unit and a summary, and what they were measured on.

It is written anew after each block, so that what was measured before an interruption is kept; only a
result that was finished says ``"complete": true``, and so does each row.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from gluonlab.errors import ConfigError
from gluonlab.reporting.run_files import read_json, write_json

Row = dict[str, Any]


class Result:
    """Rows by name, kept in ``path`` while they come in; ``origin`` is machine, versions, command."""

    def __init__(self, benchmark: str, origin: Mapping[str, Any], path: Optional[Path] = None) -> None:
        self._path = path
        self._origin = dict(origin)
        self._benchmark = benchmark
        self._rows: dict[str, Row] = {}
        self._is_complete = False

    @property
    def rows(self) -> list[Row]:
        """The rows in the order in which they were added."""
        return list(self._rows.values())

    def put(self, name: str, row: Row, is_complete: bool = True) -> None:
        """Add a row, or replace the one of this name."""
        self._rows[name] = {"name": name, "complete": is_complete, **row}
        self._save()

    def add(self, key: str, value: Any) -> None:
        """Put ``value``, which holds for all rows together, under ``key`` of the result."""
        self._origin = {key: value, **self._origin}

    def finish(self) -> None:
        """Mark the result as complete, and save it."""
        self._is_complete = True
        self._save()

    def as_dict(self) -> dict[str, Any]:
        """The whole result, as its JSON file holds it."""
        return {
            "benchmark": self._benchmark,
            "complete": self._is_complete,
            "rows": self.rows,
            **self._origin,
            "date": time.strftime("%Y-%m-%d"),
        }

    def _save(self) -> None:
        if self._path:
            write_json(self._path, self.as_dict())


def read_result(path: Path) -> dict[str, Any]:
    """A result file; CheckpointError CKP03 for what is not JSON, ConfigError BEN01 for another file.

    OSError if it cannot be read.
    """
    result = read_json(path)
    rows = result.get("rows")
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise ConfigError("BEN01", str(path), "is not a result of gluonlab bench")
    return result


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and isinstance(row.get("name"), str)
        and isinstance(row.get("unit"), str)
        and isinstance(row.get("values"), list)
        and len(row["values"]) > 0
        and all(isinstance(value, (int, float)) and value > 0 for value in row["values"])
    )
