"""A run and the processes that follow it for trackers, good and bad ones; with a stand-in for MLflow."""

import subprocess
import sys
import time

import pytest

from gluonlab.reporting.trackers import followers
from gluonlab.reporting.trackers.followers import Followers
from tests.reporting.trackers.runs import add_rows, finish, make_run, steps_of, use_stand_in

PATIENCE = 60.0


def wait_for(happened):
    deadline = time.monotonic() + PATIENCE
    while not (found := happened()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_rows_arrive_while_the_run_goes_on(monkeypatch, tmp_path):
    stored = use_stand_in(monkeypatch, tmp_path)
    run = make_run(tmp_path)
    following = Followers(run, ["mlflow"])
    following.start()
    add_rows(run, 1, 2)
    wait_for(lambda: [kept for kept in stored() if steps_of(kept, "train/loss") == [1, 2]])
    assert stored()[0]["state"] == ""
    add_rows(run, 3)
    finish(run)
    assert following.finish() == []
    (kept,) = stored()
    assert steps_of(kept, "train/loss") == [1, 2, 3]
    assert kept["state"] == "FINISHED"


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("raises", "RuntimeError: cannot reach http://***@host/?api_key=*** with ***"),
        ("fills the disk", "OSError: [Errno 28] No space left on device"),
        ("blocks", "took too long, or was ended from outside (signal 14)"),
        ("dies", "its process ended with 3"),
    ],
)
def test_a_tracker_that_fails_is_told_of_once(monkeypatch, tmp_path, behaviour, reason):
    use_stand_in(monkeypatch, tmp_path, behaviour)
    monkeypatch.setattr(followers, "CALL_SECONDS", 1)
    run = make_run(tmp_path)
    following = Followers(run, ["mlflow"])
    following.start()
    add_rows(run, 1)
    (line,) = wait_for(following.news)
    assert line.startswith(f"warning: tracker mlflow: {reason}; the run goes without it; later: ")
    assert line.endswith("--send a mlflow")
    assert following.finish() == []


def test_a_tracker_that_blocks_for_ever_costs_the_end_of_a_run_its_patience(monkeypatch, tmp_path):
    use_stand_in(monkeypatch, tmp_path, "blocks at once")
    monkeypatch.setattr(followers, "LAST_ROWS_SECONDS", 0.5)
    run = make_run(tmp_path)
    add_rows(run, 1)
    following = Followers(run, ["mlflow"])
    following.start()
    start = time.monotonic()
    (line,) = following.finish()
    assert time.monotonic() - start < 5
    assert "did not take the last rows within 0.5 s" in line


def test_a_follower_ends_when_the_process_that_trains_is_killed(monkeypatch, tmp_path):
    stored = use_stand_in(monkeypatch, tmp_path)
    run = make_run(tmp_path)
    add_rows(run, 1)
    code = (
        "import os, signal, sys, time; from pathlib import Path\n"
        "from gluonlab.reporting.trackers.followers import Followers\n"
        "f = Followers(Path(sys.argv[1]), ['mlflow']); f.start()\n"
        "time.sleep(1); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", code, str(run)], capture_output=True, text=True, timeout=60
    )
    assert killed.returncode == -9
    wait_for(lambda: stored() and stored()[0]["state"] == "KILLED")
    assert steps_of(stored()[0], "train/loss") == [1]


def test_a_process_that_cannot_be_started_is_told_of(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    following = Followers(make_run(tmp_path), ["mlflow"])
    following.start()
    (line,) = following.news()
    assert "its process cannot be started (No such file or directory)" in line
    assert following.finish() == []
