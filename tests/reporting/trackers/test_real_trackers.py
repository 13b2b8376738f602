"""What trackers' own readers find of a run that was sent; each where its package is installed."""

import importlib.util
import json
import subprocess
import sys

import pytest

from tests.reporting.trackers.runs import add_rows, finish, make_run

SEND = (
    "import sys; from pathlib import Path; from gluonlab.reporting.trackers.sending import send_run; "
    "print('sent', send_run(Path(sys.argv[1]), sys.argv[2]))"
)


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """Runs Python code in a process of its own, where trackers write into the folder of the test."""
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")

    def run(code, *arguments):
        command = [sys.executable, "-c", code, *map(str, arguments)]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def sent(request, outside, tmp_path):
    """A run that was sent in two parts, and a third time in vain."""
    tracker = request.param
    if importlib.util.find_spec(tracker) is None:
        pytest.skip(f"{tracker} is not installed")
    run = make_run(tmp_path)
    add_rows(run, 1, 2)
    assert "sent 2" in outside(SEND, run, tracker)
    add_rows(run, 3)
    add_rows(run, 3, kind="validation")
    finish(run)
    assert "sent 2" in outside(SEND, run, tracker)
    assert "sent 0" in outside(SEND, run, tracker)
    return run


@pytest.mark.parametrize("sent", ["mlflow"], indirect=True)
def test_mlflow_finds_it(sent, outside):
    code = """
import json
from mlflow import MlflowClient
client = MlflowClient()
(run,) = client.search_runs([client.get_experiment_by_name("gluonlab").experiment_id])
losses = [[m.step, m.value, m.timestamp] for m in client.get_metric_history(run.info.run_id, "train/loss")]
print(json.dumps([run.info.run_name, run.info.status, losses, run.data.metrics["validation/loss"],
    run.data.params["optimizer.name"], run.data.tags["summary.top1"]]))
"""
    name, status, losses, validation, optimizer, top1 = json.loads(outside(code).splitlines()[-1])
    assert (name, status, optimizer, top1) == ("a", "FINISHED", "sgd", "0.5")
    assert losses == [[step, 1 / step, 1_700_000_000_000 + 1000 * step] for step in (1, 2, 3)]
    assert validation == pytest.approx(1 / 3)


@pytest.mark.parametrize("sent", ["trackio"], indirect=True)
def test_trackio_finds_it(sent, outside):
    code = """
import json, trackio
from trackio.sqlite_storage import SQLiteStorage
(run,) = trackio.Api().runs("gluonlab")
print(json.dumps([run.name, run.config["optimizer.name"], SQLiteStorage.get_logs("gluonlab", run.name)]))
"""
    name, optimizer, rows = json.loads(outside(code).splitlines()[-1])
    assert name.startswith("a-")
    assert optimizer == "sgd"
    losses = [(row["step"], row["train/loss"]) for row in rows if "train/loss" in row]
    assert sorted(losses) == [(step, 1 / step) for step in (1, 2, 3)]
    assert [row["step"] for row in rows if "validation/loss" in row] == [3]


@pytest.mark.parametrize("sent", ["wandb"], indirect=True)
def test_wandb_wrote_it_for_its_sync(sent, outside, tmp_path):
    """Its files are LevelDB logs of its own messages; one block holds them all here."""
    code = """
import glob, json, struct
from wandb.proto.wandb_internal_pb2 import Record
rows, runs = [], set()
for path in sorted(glob.glob("wandb/offline-run-*/*.wandb")):
    data, at = open(path, "rb").read(), 7
    while at + 7 <= min(len(data), 32768):
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        if kind != 1:
            break
        record = Record.FromString(data[at + 7 : at + 7 + length])
        at += 7 + length
        runs |= {(record.run.run_id, record.run.display_name)} if record.HasField("run") else set()
        items = record.history.item
        if items:
            rows.append({(i.key or "/".join(i.nested_key)): json.loads(i.value_json) for i in items})
print(json.dumps([rows, sorted(runs)]))
"""
    rows, runs = json.loads(outside(code).splitlines()[-1])
    losses = sorted((row["train/step"], row["train/loss"]) for row in rows if "train/loss" in row)
    assert losses == [(step, 1 / step) for step in (1, 2, 3)]
    assert [row["validation/step"] for row in rows if "validation/loss" in row] == [3]
    assert [name for _, name in runs] == ["a"]
