import json
import os

import pytest

from gluonlab.build.run_directory import (
    Found,
    Terms,
    check_anything_is_left,
    find_run,
    leave_aside,
    take_over,
)
from gluonlab.config import load_config
from gluonlab.errors import CheckpointError, ConfigError

SUMMARY = {"top1": 0.5, "steps": 44}


def write_run(run_dir, root, **more):
    run_dir.mkdir(exist_ok=True)
    config = load_config(root / "configs/digits.yaml", [])
    (run_dir / "config.json").write_text(json.dumps({"config": config.model_dump(), **more}))
    return config


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_that_is_left_is_moved_whole_and_each_has_its_folder(tmp_path):
    for number in (1, 2):
        for name in ("config.json", "metrics.jsonl", "summary.json", "summary-step-00000004.json", "log.txt"):
            (tmp_path / name).write_text(str(number))
        for name in ("checkpoints", "tensorboard", "logs"):
            (tmp_path / name).mkdir(exist_ok=True)
        assert leave_aside(tmp_path) == tmp_path / f"before-{number}"
        assert (tmp_path / f"before-{number}/config.json").read_text() == str(number)
        assert len(names(tmp_path / f"before-{number}")) == 7
    assert names(tmp_path) == ["before-1", "before-2", "logs"]  # the launcher is writing there
    assert leave_aside(tmp_path) is None


def test_who_comes_after_a_kill_in_the_middle_of_the_move_goes_on_with_the_same_folder(tmp_path, monkeypatch):
    for name in ("config.json", "metrics.jsonl"):
        (tmp_path / name).write_text("1")
    (tmp_path / "checkpoints").mkdir()
    rename, calls = os.rename, []

    def once(old, new):
        if calls:
            raise KeyboardInterrupt
        calls.append(old)
        rename(old, new)

    monkeypatch.setattr(os, "rename", once)
    with pytest.raises(KeyboardInterrupt):
        leave_aside(tmp_path)
    monkeypatch.undo()
    assert (tmp_path / "config.json").exists()
    assert leave_aside(tmp_path) == tmp_path / "before-1"
    assert names(tmp_path / "before-1") == ["checkpoints", "config.json", "metrics.jsonl"]


def test_a_job_starts_over_until_its_own_configuration_is_there(tmp_path, root):
    assert find_run(write_run(tmp_path, root), tmp_path, Terms(start_over="job")) == Found(is_left=True)
    config = write_run(tmp_path, root, started_over_by="job")
    assert find_run(config, tmp_path, Terms(start_over="job")) == Found()
    assert find_run(config, tmp_path, Terms(start_over="other")).is_left
    assert find_run(
        config, tmp_path, Terms(start_over="")
    ).is_left  # a process without a launcher has no name
    (tmp_path / "config.json").write_text("{")
    assert find_run(config, tmp_path, Terms(start_over="job")).is_left


def test_a_run_is_finished_unless_a_key_changed(tmp_path, root):
    write_run(tmp_path, root)
    (tmp_path / "summary.json").write_text(json.dumps(SUMMARY))
    config = load_config(root / "configs/digits.yaml", [])
    found = find_run(config, tmp_path, Terms(("epochs",)))
    assert (found.is_finished, found.changed) == (True, ())
    config = load_config(root / "configs/digits.yaml", ["epochs=40"])
    found = find_run(config, tmp_path, Terms(("epochs",)))
    assert (found.is_finished, found.changed) == (False, ("epochs",))
    with pytest.raises(ConfigError, match="CFG20"):
        find_run(config, tmp_path, Terms(("optimizer",)))
    check_anything_is_left(tmp_path, found, step=44, total_steps=45)
    with pytest.raises(ConfigError, match=r"CFG23.*is finished at step 44, so that epochs"):
        check_anything_is_left(tmp_path, found, step=44, total_steps=44)
    check_anything_is_left(tmp_path, Found(), step=44, total_steps=44)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"top1": 0.5}'])
def test_what_is_no_summary_is_named(tmp_path, root, text):
    config = write_run(tmp_path, root)
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"CKP03.*summary\.json"):
        find_run(config, tmp_path, Terms())


def test_taking_over_keeps_the_summary_of_a_finished_run_and_writes_the_recipe_last(tmp_path, root):
    write_run(tmp_path, root)
    for name in ("summary.json", "error.json", ".config.json.1.tmp"):
        (tmp_path / name).write_text("old")
    assert take_over(tmp_path, Found(SUMMARY, ("epochs",)), {"config": "new"}) is None
    assert names(tmp_path) == ["config.json", "summary-step-00000044.json"]
    assert json.loads((tmp_path / "config.json").read_text()) == {"config": "new"}
