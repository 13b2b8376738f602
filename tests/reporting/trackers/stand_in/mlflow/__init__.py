"""A stand-in for MLflow that keeps one JSON file, and behaves as badly as STAND_IN says."""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace


class MlflowClient:
    def __init__(self):
        self._path = Path(os.environ["MLFLOW_TRACKING_URI"])
        self._behaviour = os.environ.get("STAND_IN", "")
        if self._behaviour == "blocks at once":
            time.sleep(3600)

    def get_experiment_by_name(self, name):
        return SimpleNamespace(experiment_id=name)

    def search_runs(self, experiments, condition, max_results):
        return [
            self._run(id_)
            for id_, run in self._read().items()
            if f"'{run['tags']['gluonlab.run']}'" in condition
        ]

    def create_run(self, experiment, start_time, tags, run_name):
        id_ = f"run{len(self._read())}"
        self._write(
            {**self._read(), id_: {"name": run_name, "tags": tags, "params": {}, "rows": [], "state": ""}}
        )
        return self._run(id_)

    def get_run(self, id_):
        return self._run(id_)

    def update_run(self, id_, status):
        self._change(id_, lambda run: run.update(state=status))

    def get_metric_history(self, id_, name):
        return [SimpleNamespace(step=row[3]) for row in self._read()[id_]["rows"] if row[0] == name]

    def log_batch(self, id_, metrics=(), params=()):
        if metrics and self._behaviour == "raises":
            raise RuntimeError("cannot reach http://me:sesame-open@host/?api_key=abracadabra with simsalabim")
        if metrics and self._behaviour == "fills the disk":
            with open("/dev/full", "w") as file:
                file.write("row")
        if metrics and self._behaviour == "blocks":
            time.sleep(3600)
        if metrics and self._behaviour == "dies":
            os._exit(3)
        print("a line on stdout that nobody asked for")
        self._change(id_, lambda run: run["rows"].extend(metrics))
        self._change(id_, lambda run: run["params"].update(params))

    def set_tag(self, id_, key, value):
        self._change(id_, lambda run: run["tags"].update({key: value}))

    def set_terminated(self, id_, status):
        self.update_run(id_, status)

    def _run(self, id_):
        run = self._read()[id_]
        metrics = {row[0]: row[1] for row in run["rows"]}
        data = SimpleNamespace(params=run["params"], metrics=metrics)
        return SimpleNamespace(info=SimpleNamespace(run_id=id_), data=data)

    def _read(self):
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def _write(self, runs):
        temporary = self._path.with_suffix(".new")
        temporary.write_text(json.dumps(runs))
        os.replace(temporary, self._path)

    def _change(self, id_, change):
        runs = self._read()
        change(runs[id_])
        self._write(runs)
