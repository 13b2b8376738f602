"""What a tracker holds after a run was sent, once, twice and in parts; with a stand-in for MLflow."""

import json

import pytest

from gluonlab.errors import CheckpointError, SetupError
from gluonlab.reporting.trackers import check_installed, variables_of
from gluonlab.reporting.trackers.sending import send_run
from tests.reporting.trackers.runs import add_rows, finish, make_run, steps_of, use_stand_in


@pytest.fixture
def stored(monkeypatch, tmp_path):
    return use_stand_in(monkeypatch, tmp_path)


def test_a_run_sent_twice_is_there_once(stored, tmp_path):
    run = make_run(tmp_path)
    add_rows(run, 1, 2)
    add_rows(run, 2, kind="validation")
    finish(run)
    assert send_run(run, "mlflow") == 3
    (once,) = stored()
    assert send_run(run, "mlflow") == 0
    assert stored() == [once]
    assert once["rows"][:2] == [
        ["train/epoch", 0.1, 1700000001000, 1],
        ["train/loss", 1.0, 1700000001000, 1],
    ]
    assert steps_of(once, "validation/loss") == [2]
    assert once["state"] == "FINISHED"
    assert once["tags"]["summary.weights_sha256"] == "abc"
    assert once["name"] == "a"
    assert once["params"]["optimizer.name"] == "sgd"


def test_what_a_resumed_run_repeats_is_there_once(stored, tmp_path):
    run = make_run(tmp_path)
    add_rows(run, 1, 2, 3)
    assert send_run(run, "mlflow") == 3
    assert stored()[0]["state"] == "KILLED"
    with (run / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "resume", "step": 1, "time": 0.0}) + "\n")
    add_rows(run, 2, 3, 4)
    assert send_run(run.rename(tmp_path / "moved"), "mlflow") == 1
    (only,) = stored()
    assert steps_of(only, "train/loss") == [1, 2, 3, 4]


def test_a_row_that_is_not_whole_waits(stored, tmp_path):
    run = make_run(tmp_path)
    add_rows(run, 1, 2)
    path = run / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert send_run(run, "mlflow") == 1
    path.write_bytes(whole)
    assert send_run(run, "mlflow") == 1
    assert steps_of(stored()[0], "train/loss") == [1, 2]


def test_many_values_go_in_calls_of_a_thousand(stored, tmp_path):
    run = make_run(tmp_path)
    add_rows(run, *range(1, 1502))
    assert send_run(run, "mlflow") == 1501
    assert steps_of(stored()[0], "train/loss") == list(range(1, 1502))


def test_no_secret_leaves_the_house(monkeypatch, tmp_path):
    stored = use_stand_in(monkeypatch, tmp_path)
    run = make_run(tmp_path)
    add_rows(run, 1)
    send_run(run, "mlflow")
    text = json.dumps(stored())
    assert "https://***@host/data" in text
    for secret in ("sesame", "simsalabim", "secret-word"):
        assert secret not in text
    use_stand_in(monkeypatch, tmp_path, "raises")
    add_rows(run, 2)
    with pytest.raises(SetupError, match="ENV85") as raised:
        send_run(run, "mlflow")
    assert "cannot reach http://***@host/?api_key=*** with ***" in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


def test_bad_runs(stored, tmp_path):
    with pytest.raises(CheckpointError, match=r"CKP02.*no run here"):
        send_run(tmp_path / "none", "mlflow")
    run = make_run(tmp_path)
    with pytest.raises(CheckpointError, match=r"CKP02.*logged nothing"):
        send_run(run, "mlflow")
    add_rows(run, 1)
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"kind": 3}\n')
    with pytest.raises(CheckpointError, match=r"CKP03.*metrics.jsonl:2"):
        send_run(run, "mlflow")


def test_a_job_gets_the_variables_of_its_trackers_and_no_others():
    environment = {"WANDB_API_KEY": "a", "WANDB_MODE": "b", "MLFLOW_TRACKING_URI": "c", "AWS_SECRET": "d"}
    assert variables_of(["wandb"], environment) == ("WANDB_API_KEY", "WANDB_MODE")
    assert variables_of([], environment) == ()


def test_what_is_not_installed_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SetupError) as raised:
        check_installed(["wandb", "trackio"])
    assert raised.value.exit_code == 8
    first, second = str(raised.value).splitlines()
    assert first.startswith("error[ENV84] trackers: wandb is not installed; ")
    assert "gluonlab[wandb]" in first
    assert "gluonlab[trackio]" in second
