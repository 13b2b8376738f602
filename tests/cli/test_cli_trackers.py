"""``trackers`` of a run, and ``gluonlab runs --send``, with a stand-in for MLflow."""

import importlib.util
import json

import pytest

from tests.reporting.trackers.runs import STAND_IN, add_rows, make_run, steps_of

SHORT = ["recipe:digits", "epochs=0.3", "schedule.warmup_epochs=0.1", "tensorboard=false", "log_every=2"]


@pytest.fixture
def environment(tmp_path, root):
    return {"MLFLOW_TRACKING_URI": str(tmp_path / "store.json"), "PYTHONPATH": f"{STAND_IN}:{root}"}


def weights_of(run):
    return json.loads((run / "summary.json").read_text())["weights_sha256"]


def test_a_run_ends_as_if_a_tracker_that_fails_were_not_there(run_gluonlab, tmp_path, environment):
    good, bad = tmp_path / "good", tmp_path / "bad"
    keys = [*SHORT, "trackers=[mlflow]"]
    done = run_gluonlab("train", *keys, f"run_dir={good}", environment=environment)
    assert done.returncode == 0
    assert "warning" not in done.stdout + done.stderr
    (kept,) = json.loads((tmp_path / "store.json").read_text()).values()
    rows = [json.loads(line) for line in (good / "metrics.jsonl").read_text().splitlines()]
    assert steps_of(kept, "train/loss") == [row["step"] for row in rows if row["kind"] == "train"]
    assert kept["tags"]["summary.weights_sha256"] == weights_of(good)

    done = run_gluonlab("train", *keys, f"run_dir={bad}", environment={**environment, "STAND_IN": "raises"})
    assert done.returncode == 0
    assert (done.stdout + done.stderr).count("warning: tracker mlflow: RuntimeError: cannot reach") == 1
    assert weights_of(bad) == weights_of(good)
    for path in bad.rglob("*"):
        assert path.is_dir() or b"sesame-open" not in path.read_bytes(), path


def test_send_says_what_it_did(run_gluonlab, tmp_path, environment):
    add_rows(make_run(tmp_path / "runs"), 1, 2)
    send = ["runs", tmp_path / "runs", "--send", "a"]
    done = run_gluonlab(*send, "mlflow", environment=environment)
    assert done.stdout.endswith(f"mlflow has {tmp_path / 'runs' / 'a'}: 2 rows were sent that it lacked\n")
    done = run_gluonlab(*send, "mlflow", "--json", tmp_path / "out.json", environment=environment)
    assert json.loads((tmp_path / "out.json").read_text())["rows"] == 0
    add_rows(tmp_path / "runs" / "a", 3)
    done = run_gluonlab(*send, "mlflow", environment={**environment, "STAND_IN": "raises"})
    assert done.returncode == 8
    assert done.stderr.startswith("error[ENV85] mlflow: RuntimeError: cannot reach http://***@host")
    done = run_gluonlab(*send, "gluon", environment=environment)
    assert (done.returncode, done.stderr[:13]) == (2, "error[CLI02] ")


@pytest.mark.skipif(importlib.util.find_spec("trackio") is not None, reason="trackio is installed")
def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_written(run_gluonlab, tmp_path):
    done = run_gluonlab("train", *SHORT, "trackers=[trackio]", f"run_dir={tmp_path / 'run'}")
    assert done.returncode == 8
    assert done.stderr.startswith("error[ENV84] trackers: trackio is not installed; ")
    assert "gluonlab[trackio]" in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_launched_job_sends_from_its_first_process(run_gluonlab, tmp_path, environment):
    keys = [*SHORT, "trackers=[mlflow]", f"run_dir={tmp_path / 'run'}"]
    done = run_gluonlab("launch", "-n", 2, *keys, environment=environment)
    assert done.returncode == 0, done.stderr
    assert "warning: tracker" not in done.stdout + done.stderr
    (kept,) = json.loads((tmp_path / "store.json").read_text()).values()
    assert kept["state"] == "FINISHED"
