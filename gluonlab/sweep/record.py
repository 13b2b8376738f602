"""What a sweep is, and what its runs have given so far: ``sweep.json`` in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Optional

from gluonlab.errors import CheckpointError, ConfigError, Problem
from gluonlab.reporting.run_files import CONFIG, read_json, write_json

SWEEP = "sweep.json"
FORMAT = 1

OPEN, STOPPED, FINISHED, DIVERGED, FAILED = "open", "stopped", "finished", "diverged", "failed"
"""States of a run: to be gone on with; stopped early for good; and how it ended."""


@dataclass
class Trial:
    """One run: its values by key, and what it gave.

    ``scores`` are its top-1 at the rungs it has reached, in their order. A run that ``failed``, for another
    reason than its numbers, is begun again by the next start of the sweep.
    """

    number: int
    values: dict[str, str]
    state: str = OPEN
    scores: list[float] = field(default_factory=list)
    epoch: float = 0.0
    top1: Optional[float] = None
    top5: Optional[float] = None
    val_loss: Optional[float] = None
    message: str = ""
    exit_code: int = 0

    @property
    def name(self) -> str:
        """Its folder in that of the sweep."""
        return f"{self.number:04d}"


@dataclass
class Sweep:
    """The runs in ``folder``; ``definition`` decides what they are, and must be the same at each start."""

    folder: Path
    definition: dict[str, Any]
    trials: list[Trial] = field(default_factory=list)

    def save(self) -> None:
        """Replace `SWEEP` on the disk; raises OSError."""
        document = {
            "format": FORMAT,
            "definition": self.definition,
            "trials": [asdict(trial) for trial in self.trials],
        }
        write_json(self.folder / SWEEP, document)

    @property
    def best(self) -> Optional[Trial]:
        """The finished run of the highest top-1, the first of equals."""
        finished = [trial for trial in self.trials if trial.state == FINISHED and trial.top1 is not None]
        return max(finished, key=lambda trial: (trial.top1 or 0.0, -trial.number), default=None)


def read_sweep(folder: Path) -> Sweep:
    """The sweep in ``folder``; CheckpointError CKP03 if its file is damaged."""
    path = folder / SWEEP
    document = read_json(path)
    trials, names = document.get("trials"), {each.name for each in fields(Trial)}
    is_whole = (
        document.get("format") == FORMAT
        and isinstance(document.get("definition"), dict)
        and isinstance(trials, list)
        and all(isinstance(trial, dict) and set(trial) == names for trial in trials)
        and [trial["number"] for trial in trials] == list(range(len(trials)))
    )
    if not is_whole:
        raise CheckpointError("CKP03", str(path), "is not the record of a sweep")
    assert isinstance(trials, list), "it is whole"
    return Sweep(folder, document["definition"], [Trial(**trial) for trial in trials])


def find_sweep(folder: Path, definition: dict[str, Any]) -> Sweep:
    """The sweep of ``definition`` that ``folder`` holds, or a new one; nothing is written.

    Raises:
        ConfigError: SWP02 the folder holds another sweep, each differing key named, or a run.
    """
    if (folder / CONFIG).exists():
        raise ConfigError("SWP02", str(folder), "holds a run, not a sweep", "use another run_dir")
    if not (folder / SWEEP).exists():
        return Sweep(folder, definition)
    sweep = read_sweep(folder)
    problems = [
        Problem("SWP02", str(folder), f"holds another sweep: {what}", "use another run_dir")
        for what in _differences(sweep.definition, definition)
    ]
    if problems:
        raise ConfigError.from_problems(problems)
    return sweep


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Sequence[str]:
    found: list[str] = []
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _differences(before, after, f"{prefix}{key}.")
        elif before != after:
            found.append(f"{prefix}{key} was {before!r}, now {after!r}")
    return found
