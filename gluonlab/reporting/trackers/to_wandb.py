"""Runs in Weights & Biases. Its own variables say where: WANDB_MODE, WANDB_DIR, WANDB_PROJECT, WANDB_API_KEY.

Offline it cannot be asked what it holds, so each of its folders is given a file that says so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gluonlab.disk import reading, writing
from gluonlab.reporting.trackers.tracked_run import TrackedRun

_HELD = "gluonlab.json"


def open_run(run: TrackedRun) -> WandbRun:
    """``run`` in the project of WANDB_PROJECT, by default gluonlab."""
    return WandbRun(run)


class WandbRun:
    """Begun at its first row: offline, each beginning is a folder."""

    def __init__(self, run: TrackedRun) -> None:
        import wandb

        settings = wandb.setup().settings
        self._run = run
        self._is_offline = settings.mode == "offline"
        self._folder = Path(settings.wandb_dir)
        self._begun: Any = None
        self._steps: dict[str, int] = {}

    def last_steps(self) -> Mapping[str, int]:
        """The last step of each kind of row, in any of its folders; online, what the server says."""
        if not self._is_offline:
            return {
                key[: -len("/step")]: int(value)
                for key, value in dict(self._begin().summary).items()
                if key.endswith("/step") and isinstance(value, (int, float))
            }
        last: dict[str, int] = {}
        for path in sorted(self._folder.glob(f"offline-run-*-{self._run.id}/{_HELD}")):
            with reading(path):
                for kind, step in json.loads(path.read_bytes()).items():
                    last[kind] = max(step, last.get(kind, -1))
        return last

    def add(self, kind: str, step: int, unix_seconds: float, values: Mapping[str, float]) -> None:
        """A row; W&B counts rows itself, so the step is a value of its own that curves are drawn by."""
        named = {f"{kind}/{name}": value for name, value in values.items()}
        self._begin(kind).log({f"{kind}/step": step, f"{kind}/time": unix_seconds, **named})
        self._steps[kind] = step

    def flush(self) -> None:
        """Note in the folder what was handed over."""
        if self._is_offline and self._steps:
            path = Path(self._begun.settings.sync_dir) / _HELD
            with writing(path):
                path.write_text(json.dumps(self._steps))

    def finish(self, state: str, summary: Mapping[str, Any]) -> None:
        """Hand over the summary; a run that did not finish is one that failed to W&B, until it goes on."""
        self.flush()
        if self._begun is None:
            return
        for key, value in summary.items():
            if isinstance(value, (int, float, str)):
                self._begun.summary[key] = value
        self._begun.finish(exit_code=0 if state in ("finished", "running") else 1)

    def _begin(self, kind: str = "") -> Any:
        import wandb

        if self._begun is None:
            self._begun = wandb.init(
                project=os.environ.get("WANDB_PROJECT", "gluonlab"),
                id=self._run.id,
                name=self._run.name,
                config=self._run.parameters,
                resume="allow",
                # Neither what this process prints, nor the checkout, nor this process' use of the machine.
                settings=wandb.Settings(
                    console="off", disable_git=True, save_code=False, silent=True, x_disable_stats=True
                ),
            )
        if kind and kind not in self._steps:
            self._begun.define_metric(f"{kind}/step")
            self._begun.define_metric(f"{kind}/*", step_metric=f"{kind}/step")
        return self._begun
