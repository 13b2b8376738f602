"""What the page knows of runs, and that it reads nothing through links and locks nothing."""

import fcntl
import json
import os

import pytest

from gluonlab.reporting.watch.store import RunStore


def make_run(path, rows=(), **document):
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"config": {"epochs": 3}, **document}))
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def states(root):
    return {row["name"]: row["state"] for row in RunStore(root).overview()["runs"]}


def test_figures_of_a_run(tmp_path):
    rows = [
        {"kind": "train", "step": 10, "time": 1.0, "loss": 2.0, "sec_per_step": 0.5, "images_per_sec": 128.0},
        {"kind": "validation", "step": 10, "time": 2.0, "top1": 0.75},
    ]
    make_run(tmp_path / "a", rows, total_steps=30, processes=2)
    (row,) = RunStore(tmp_path).overview()["runs"]
    assert (row["name"], row["step"], row["total_steps"], row["eta_s"]) == ("a", 10, 30, 10.0)
    assert (row["top1"], row["images_per_sec"], row["processes"]) == (0.75, 128.0, 2)


def test_a_held_lock_means_running(tmp_path):
    run = make_run(tmp_path / "a")
    (run / "summary.json").write_text("{}")
    assert states(tmp_path) == {"a": "finished"}
    with (run / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert states(tmp_path) == {"a": "running"}


def test_a_damaged_run_is_listed_and_others_with_it(tmp_path):
    make_run(tmp_path / "good")
    (make_run(tmp_path / "bad") / "config.json").write_text("{")
    assert states(tmp_path)["bad"] == "damaged"
    assert "good" in states(tmp_path)


def test_links_are_not_followed(tmp_path):
    outside = make_run(tmp_path / "outside", [{"kind": "train", "step": 1, "loss": 1.0}])
    root = tmp_path / "root"
    inside = make_run(root / "inside")
    (root / "link").symlink_to(outside)
    (inside / "metrics.jsonl").unlink()
    (inside / "metrics.jsonl").symlink_to(outside / "metrics.jsonl")
    store = RunStore(root)
    (row,) = store.overview()["runs"]
    assert (row["name"], row["step"]) == ("inside", None)
    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        store.series("inside", "train.loss")


@pytest.mark.parametrize("name", ["", "..", "../outside", "/etc", "a/../a"])
def test_only_listed_names_are_known(tmp_path, name):
    make_run(tmp_path / "a")
    with pytest.raises(KeyError):
        RunStore(tmp_path).details(name)


def test_a_new_row_changes_the_signature(tmp_path):
    run = make_run(tmp_path / "a")
    store = RunStore(tmp_path)
    before = store.signature(["a"])
    assert store.signature(["a"]) == before
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "train", "step": 1}\n')
    assert store.signature(["a"]) != before


def test_an_empty_folder_has_no_runs(tmp_path):
    assert RunStore(tmp_path / "missing").overview()["runs"] == []


def test_a_large_folder_is_read_newest_first_and_in_turns(tmp_path):
    for number in range(5):
        os.utime(make_run(tmp_path / f"run{number}") / "config.json", (number, number))
    store = RunStore(tmp_path)
    first = store.overview(seconds=-1)
    assert (first["runs"], first["unread"]) == ([], 5)
    whole = store.overview()
    assert [row["name"] for row in whole["runs"]] == ["run4", "run3", "run2", "run1", "run0"]
    assert whole["unread"] == 0
    (make_run(tmp_path / "later") / "summary.json").write_text('{"steps": 7}')
    fresh = RunStore(tmp_path)
    fresh.overview()
    assert fresh.overview(seconds=-1)["unread"] == 0  # what was read once is kept


def test_the_last_row_of_a_kind_is_found_among_others(tmp_path):
    rows = [
        {"kind": "validation", "step": 5, "top1": 0.25},
        {"kind": "train", "step": 6, "loss": 2.0},
        {"kind": "checkpoint", "step": 6, "of": "train"},
        *({"kind": "odd", "step": 7, "is": "validation"} for _ in range(3)),
    ]
    metrics = make_run(tmp_path / "a", rows) / "metrics.jsonl"
    with metrics.open("a") as file:
        file.write('{"kind": "train"\n{"kind": "train", "step": 9, "lo')
    (row,) = RunStore(tmp_path).overview()["runs"]
    assert (row["step"], row["loss"], row["top1"]) == (6, 2.0, 0.25)
