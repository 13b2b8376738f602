"""A run directory as trackers see it, and the stand-in for a tracker."""

import json
import sys
from pathlib import Path

STAND_IN = Path(__file__).parent / "stand_in"
CONFIG = {"epochs": 3, "optimizer": {"name": "sgd"}, "data": {"path": "https://me:sesame-open@host/data"}}


def make_run(folder, name="a"):
    run = folder / name
    run.mkdir(parents=True)
    (run / "config.json").write_text(
        json.dumps({"config": CONFIG, "host": "here", "command": ["secret-word"]})
    )
    (run / "metrics.jsonl").touch()
    return run


def add_rows(run, *steps, kind="train", scale=1.0):
    with (run / "metrics.jsonl").open("a") as file:
        for step in steps:
            values = {"epoch": step / 10, "loss": scale / step, "nothing": None}
            row = {"kind": kind, "step": step, "time": 1.7e9 + step, **values}
            file.write(json.dumps(row) + "\n")


def finish(run):
    (run / "summary.json").write_text(
        json.dumps({"steps": 4, "top1": 0.5, "weights_sha256": "abc", "best": {}})
    )


def use_stand_in(monkeypatch, tmp_path, behaviour=""):
    """Have mlflow be the stand-in, here and in processes started from here; returns what reads it."""
    store = tmp_path / "mlflow.json"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(store))
    monkeypatch.setenv("STAND_IN", behaviour)
    monkeypatch.setenv("STAND_IN_API_KEY", "simsalabim")
    monkeypatch.setenv("PYTHONPATH", f"{STAND_IN}:{Path(__file__).parents[3]}")
    monkeypatch.syspath_prepend(str(STAND_IN))
    for name in [name for name in sys.modules if name.split(".")[0] == "mlflow"]:
        monkeypatch.delitem(sys.modules, name)
    return lambda: list(json.loads(store.read_text()).values()) if store.exists() else []


def steps_of(stored, name):
    return [row[3] for row in stored["rows"] if row[0] == name]
