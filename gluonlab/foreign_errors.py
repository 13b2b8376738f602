"""Errors of Python, MXNet and the system as gluonlab's own, which are one line with a code."""

from __future__ import annotations

import traceback
from pathlib import Path

from gluonlab.disk import notes_of
from gluonlab.errors import CheckpointError, GluonlabError
from gluonlab.runtime.limits import short_of

PACKAGE = Path(__file__).parent


def _place_of(error: BaseException) -> str:
    """The function of ours that ``error`` came through last, for one that names no file."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if PACKAGE in Path(frame.filename).parents]
    return f"a file ({Path(ours[-1].filename).stem}.{ours[-1].name})" if ours else "a file"


def as_gluonlab_error(error: BaseException) -> GluonlabError:
    """The error to show for ``error``: itself if it is ours, else the nearest class of ours."""
    if isinstance(error, GluonlabError):
        return error
    shortage = short_of(error)
    if shortage:
        return shortage
    if isinstance(error, OSError):
        what = " ".join([error.strerror or str(error), *notes_of(error)])
        return CheckpointError("IO01", str(error.filename or _place_of(error)), what)
    return GluonlabError(
        "BUG01", type(error).__name__, str(error) or "no message", "run with --debug for the traceback"
    )
