"""Runs in MLflow. Its own variables say where: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME, and the like."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gluonlab.reporting.trackers.tracked_run import TrackedRun

_TAG = "gluonlab.run"
# What MLflow takes in one call, and of one parameter.
_METRICS_PER_CALL = 1000
_PARAMETERS_PER_CALL = 100
_CHARACTERS = 500
_STATES = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED", "running": "RUNNING"}


def open_run(run: TrackedRun) -> MLflowRun:
    """``run`` in the experiment of MLFLOW_EXPERIMENT_NAME, by default gluonlab."""
    return MLflowRun(run)


class MLflowRun:
    """Found again by a tag with the run's id."""

    def __init__(self, run: TrackedRun) -> None:
        from mlflow import MlflowClient

        self._client = MlflowClient()
        experiment_id = self._experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME") or "gluonlab")
        found = self._client.search_runs([experiment_id], f"tags.`{_TAG}` = '{run.id}'", max_results=1)
        if found:
            self._id = found[0].info.run_id
            self._client.update_run(self._id, status="RUNNING")
        else:
            begun = int(run.started * 1000)
            made = self._client.create_run(experiment_id, begun, tags={_TAG: run.id}, run_name=run.name)
            self._id = made.info.run_id
        self._metrics: list[Any] = []
        self._send_parameters(run, known=found[0].data.params if found else {})

    def last_steps(self) -> Mapping[str, int]:
        """The last step of each kind of row, from the histories of MLflow's metrics."""
        last: dict[str, int] = {}
        for name in self._client.get_run(self._id).data.metrics:
            kind, slash, _ = name.partition("/")
            if slash:
                steps = [metric.step for metric in self._client.get_metric_history(self._id, name)]
                last[kind] = max(*steps, last.get(kind, -1))
        return last

    def add(self, kind: str, step: int, unix_seconds: float, values: Mapping[str, float]) -> None:
        """A row, which is sent in one call."""
        from mlflow.entities import Metric

        milliseconds = int(unix_seconds * 1000)
        row = [
            Metric(f"{kind}/{name}", float(value), milliseconds, step)
            for name, value in list(values.items())[:_METRICS_PER_CALL]
        ]
        if len(self._metrics) + len(row) > _METRICS_PER_CALL:
            self.flush()
        self._metrics += row

    def flush(self) -> None:
        """Send what was kept back."""
        if self._metrics:
            self._client.log_batch(self._id, metrics=self._metrics)
            self._metrics = []

    def finish(self, state: str, summary: Mapping[str, Any]) -> None:
        """Send the summary as tags, for parameters cannot be changed, and how the run ended."""
        self.flush()
        for key, value in summary.items():
            if isinstance(value, (int, float, str)):
                self._client.set_tag(self._id, f"summary.{key}", str(value))
        if state == "running":
            return
        self._client.set_terminated(self._id, _STATES[state])

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        made: str = found.experiment_id if found else self._client.create_experiment(name)
        return made

    def _send_parameters(self, run: TrackedRun, known: Mapping[str, str]) -> None:
        """Those that it lacks: MLflow refuses another value, as a run has that was given more epochs."""
        from mlflow.entities import Param

        lacking = [
            Param(key, str(value)[:_CHARACTERS]) for key, value in run.parameters.items() if key not in known
        ]
        for start in range(0, len(lacking), _PARAMETERS_PER_CALL):
            self._client.log_batch(self._id, params=lacking[start : start + _PARAMETERS_PER_CALL])
