import fcntl
import os

import pytest

from gluonlab.errors import CheckpointError
from gluonlab.reporting.run_files import write_json
from gluonlab.reporting.runs import is_running, list_runs, read_run

ROWS = (
    '{"kind": "train", "step": 10, "time": 0, "epoch": 1.0, "loss": 1.0}\n'
    '{"kind": "validation", "step": 10, "time": 0, "epoch": 1.0, "top1": 0.5}\n'
    '{"kind": "train", "step": 15, "time": 0, "epoch": 1.5, "loss": 1.0}\n'
)


def make_run(path, total_steps=20):
    path.mkdir(parents=True)
    write_json(path / "config.json", {"config": {}, "total_steps": total_steps})
    (path / "metrics.jsonl").write_text(ROWS)
    return path


def set_time(path, seconds):
    os.utime(path, (seconds, seconds))


def only(root):
    (run,) = list_runs(root)
    return run


def test_stopped_run_tells_how_far_it_came(tmp_path):
    make_run(tmp_path / "a")
    run = only(tmp_path)
    assert (run.name, run.state, run.steps, run.total_steps) == ("a", "stopped", 15, 20)
    assert (run.epoch, run.top1, run.processes) == (1.5, 0.5, None)


def test_finished_run_shows_its_summary(tmp_path):
    path = make_run(tmp_path / "a")
    write_json(path / "summary.json", {"steps": 20, "epochs": 2.0, "top1": 0.9, "processes": 4})
    run = only(tmp_path)
    assert (run.state, run.steps, run.epoch, run.top1, run.processes) == ("finished", 20, 2.0, 0.9, 4)


def test_failed_only_while_the_error_is_the_newest_thing(tmp_path):
    path = make_run(tmp_path / "a")
    write_json(path / "error.json", {"code": "NUM01"})
    set_time(path / "metrics.jsonl", 1000)
    set_time(path / "error.json", 2000)
    assert only(tmp_path).state == "failed"
    set_time(path / "metrics.jsonl", 3000)
    assert only(tmp_path).state == "stopped"


def test_running_while_a_lock_is_held(tmp_path):
    path = make_run(tmp_path / "a")
    write_json(path / "summary.json", {"steps": 20})
    with (path / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert only(tmp_path).state == "running"
    assert only(tmp_path).state == "finished"
    assert not is_running(path)


@pytest.mark.parametrize(
    ("name", "text"), [("config.json", "{"), ("metrics.jsonl", "x\n"), ("summary.json", "[]")]
)
def test_broken_run_is_listed_as_damaged(tmp_path, name, text):
    path = make_run(tmp_path / "a")
    (path / name).write_text(text)
    assert only(tmp_path).state == "damaged"


def test_odd_values_do_not_break_the_list(tmp_path):
    path = make_run(tmp_path / "a", total_steps="many")
    write_json(path / "summary.json", {"steps": None, "top1": "good", "processes": 1.5})
    run = only(tmp_path)
    assert (run.state, run.steps, run.total_steps, run.top1, run.processes) == (
        "finished",
        15,
        None,
        0.5,
        None,
    )


def test_runs_are_found_three_levels_deep_newest_last(tmp_path):
    for name, seconds in (("x/y/c", 3000), ("b", 1000), ("x/a", 2000), ("x/y/z/too-deep", 4000)):
        path = make_run(tmp_path / name)
        for file in path.iterdir():
            set_time(file, seconds)
    make_run(tmp_path / "b" / "checkpoints" / "not-a-run")
    assert [run.name for run in list_runs(tmp_path)] == ["b", "x/a", "x/y/c"]


def test_missing_folder_holds_no_runs_and_missing_run_is_an_error(tmp_path):
    assert list_runs(tmp_path / "none") == []
    with pytest.raises(CheckpointError, match="CKP02"):
        read_run(tmp_path / "none")
