"""Rows of a run to trackers such as MLflow, each by a process of its own that follows ``metrics.jsonl``."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gluonlab.commands import pip_command
from gluonlab.errors import Problem, SetupError
from gluonlab.reporting.trackers.tracked_run import TrackedRun

TRACKERS = ("mlflow", "wandb", "trackio")


class Tracker(Protocol):
    """A run as it lies in a tracker: opened anew it is the same one, and knows what it holds.

    Anything that the tracker's package raises may come out of it.
    """

    def last_steps(self) -> Mapping[str, int]:
        """The last step that it holds for each kind of row."""

    def add(self, kind: str, step: int, unix_seconds: float, values: Mapping[str, float]) -> None:
        """Add a row; it may be kept back until `flush`."""

    def flush(self) -> None:
        """Hand over what was kept back."""

    def finish(self, state: str, summary: Mapping[str, Any]) -> None:
        """The run is ``finished``, ``failed``, ``stopped`` or still ``running``; hand over all."""


def check_installed(names: Sequence[str]) -> None:
    """Refuse trackers whose package is not installed; SetupError ENV84 with all of them."""
    problems = [
        Problem("ENV84", "trackers", f"{name} is not installed", pip_command("install", f"gluonlab[{name}]"))
        for name in names
        if importlib.util.find_spec(name) is None
    ]
    if problems:
        raise SetupError.from_problems(problems)


def variables_of(names: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """The variables in ``environment`` that tell the trackers ``names`` where to, and their keys."""
    prefixes = tuple(f"{name.upper()}_" for name in names)
    return tuple(sorted(name for name in environment if prefixes and name.startswith(prefixes)))


def open_tracker(name: str, run: TrackedRun) -> Tracker:
    """``run`` in the tracker called ``name``, one of `TRACKERS`; made if it is not there."""
    module = importlib.import_module(f"gluonlab.reporting.trackers.to_{name}")
    tracker: Tracker = module.open_run(run)
    return tracker
