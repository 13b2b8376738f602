"""Which checkpoint to go on from: the newest good one. What may be good is never passed over."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Optional

from gluonlab.checkpoint.verify import Checkpoint, UnreadableError, unreadable
from gluonlab.errors import CheckpointError
from gluonlab.retry import retried

SHOWN = 4  # checkpoints in one message

Tried = dict[int, CheckpointError]
"""Why each checkpoint that was looked at is not good, by step, the newest first."""


def find_newest(
    directory: Path, list_steps: Callable[[], list[int]], load: Callable[[int], Checkpoint]
) -> tuple[Optional[Checkpoint], Tried]:
    """The newest checkpoint in ``directory`` that ``load`` takes, and what is wrong with the newer ones.

    None if there never was one. They are listed anew after each that fails, for the run that writes here may
    go on meanwhile.

    Raises:
        UnreadableError: CKP05 one cannot be read now, and may be good.
        CheckpointError: CKP04 there are some, and none is good.
    """
    tried: Tried = {}
    try:
        while rest := [step for step in retried(list_steps) if step not in tried]:
            try:
                return load(rest[-1]), tried
            except UnreadableError:
                raise
            except CheckpointError as error:
                tried[rest[-1]] = error
        aside = [f"{path.name} was set aside" for path in sorted(directory.glob("damaged-step-*"))]
    except UnreadableError as error:
        raise _cannot_be_read(directory, tried, error) from None
    except OSError as error:
        raise _cannot_be_read(directory, tried, unreadable(error, directory)) from None
    if not tried and not aside:
        return None, tried
    raise CheckpointError(
        "CKP04",
        str(directory),
        f"no checkpoint is good: {_joined([*_reasons(directory, tried), *aside])}",
        "restore one of them, or train from step 0 with --start-over",
    )


def _cannot_be_read(directory: Path, tried: Tried, error: UnreadableError) -> UnreadableError:
    """``error`` with the ones that were tried before it."""
    last = error.problems[0]
    return UnreadableError(
        last.code,
        str(directory),
        f"{_joined([*_reasons(directory, tried), _reason(directory, error)])}, so that it may be good",
        "mend that, or move it away to go on from the one before, or train from step 0 with --start-over",
    )


def _reasons(directory: Path, tried: Mapping[int, CheckpointError]) -> list[str]:
    return [_reason(directory, error) for error in tried.values()]


def _reason(directory: Path, error: CheckpointError) -> str:
    problem = error.problems[0]
    return f"{os.path.relpath(problem.where, directory)} {problem.what}"


def _joined(reasons: list[str]) -> str:
    more = [f"and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else []
    return ", ".join([*reasons[:SHOWN], *more])
