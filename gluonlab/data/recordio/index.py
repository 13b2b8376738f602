"""The text index of a record file: one line ``key TAB offset`` for each record."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from gluonlab.errors import DataError

_BAD_LINE = re.compile(rb"^(?!\d{1,18}\t\d{1,18}$|\Z)", re.MULTILINE)


def parse_index(text: bytes, name: str) -> NDArray[np.int64]:
    """Offsets (N,) in the order of the lines of an ``.idx`` file.

    Raises DataError DAT03, naming the line, if it is empty, not ``key TAB offset``, or says a thing twice.
    """
    bad = _BAD_LINE.search(text)
    if bad:
        line = text.count(b"\n", 0, bad.start()) + 1
        raise DataError("DAT03", f"{name} line {line}", "not a key, a tab and an offset")
    if not text:
        raise DataError("DAT03", name, "empty", "delete it to have it rebuilt")
    table = np.fromstring(text, dtype=np.int64, sep=" ").reshape(-1, 2)
    for column, what in enumerate(("key", "offset")):
        if (np.diff(table[:, column]) > 0).all():
            continue  # the usual case, without a sort
        _, first = np.unique(table[:, column], return_index=True)
        if len(first) < len(table):
            line = int(np.setdiff1d(np.arange(len(table)), first)[0])
            raise DataError("DAT03", f"{name} line {line + 1}", f"{what} {table[line, column]} given twice")
    return table[:, 1].copy()
