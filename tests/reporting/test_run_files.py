import json
import math
import signal
import subprocess
import sys

import pytest

from gluonlab.errors import CheckpointError
from gluonlab.reporting.run_files import (
    MetricsLog,
    latest_by_step,
    read_json,
    read_metrics,
    remove_leftovers,
    write_json,
)


def row(kind, step, **values):
    return {"kind": kind, "step": step, "time": 0.0, **values}


def append(path, *rows):
    log = MetricsLog(path)
    for each in rows:
        log.append(each)
    log.close()


def test_json_is_replaced_in_one_step_and_leaves_no_temporary_file(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"top1": 0.5})
    write_json(path, {"top1": 0.75, "loss": math.nan, "curve": [math.inf, 1.0]})
    assert json.loads(path.read_text()) == {"top1": 0.75, "loss": None, "curve": [None, 1.0]}
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


WRITE_AND_DIE = """
import os, pathlib, signal, sys
from gluonlab.reporting.run_files import write_json
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
write_json(pathlib.Path(sys.argv[1]), {"top1": 0.6})
"""


def test_what_a_killed_writer_leaves_is_removed_and_the_old_file_stays(tmp_path):
    path = tmp_path / "summary.json"
    write_json(path, {"top1": 0.5})
    writer = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(path)])
    assert writer.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == [path]
    assert read_json(path) == {"top1": 0.5}


def test_failed_write_keeps_the_old_file(tmp_path):
    path = tmp_path / "config.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_json(tmp_path / "folder", {"a": 2})
    assert read_json(path) == {"a": 1}
    assert sorted(file.name for file in tmp_path.iterdir()) == ["config.json", "folder"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "[" * 100_000, "\udcff"])
def test_damaged_json_is_one_line_of_error(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(CheckpointError, match=r"CKP03.*config\.json") as error:
        read_json(path)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("torn", [b'{"kind": "tr', b"\0" * 100_000, b'{"kind": "train", "step": 2}'])
def test_torn_last_line_is_skipped_and_cut_off_before_appending(tmp_path, torn):
    path = tmp_path / "metrics.jsonl"
    append(path, row("train", 1))
    with path.open("ab") as file:
        file.write(torn)
    assert read_metrics(path) == [row("train", 1)]
    append(path, row("train", 3))
    assert read_metrics(path) == [row("train", 1), row("train", 3)]


def test_file_with_nothing_but_a_torn_line_is_emptied(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"kind"')
    append(path, row("train", 1))
    assert read_metrics(path) == [row("train", 1)]


def test_two_writers_in_turn_lose_nothing(tmp_path):
    path = tmp_path / "metrics.jsonl"
    append(path, row("train", 1, loss=math.nan))
    append(path, row("train", 2, loss=1.5))
    assert [each["loss"] for each in read_metrics(path)] == [None, 1.5]


@pytest.mark.parametrize("line", ["not json", "[]", '{"kind": "train"}', '{"kind": 1, "step": 1}', ""])
def test_other_damaged_lines_are_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"kind": "train", "step": 1}}\n{line}\n{{"kind": "train", "step": 3}}\n')
    with pytest.raises(CheckpointError, match=r"CKP03.*metrics\.jsonl:2"):
        read_metrics(path)


@pytest.mark.parametrize("kind", ["resume", "rollback"])
def test_resume_cancels_what_lies_beyond_it(kind):
    rows = [row("train", step, loss=1.0) for step in (10, 20, 30)]
    rows += [row("validation", 30), row(kind, 20), row("train", 30, loss=2.0)]
    assert [(each["step"], each["loss"]) for each in latest_by_step(rows, "train")] == [
        (10, 1.0),
        (20, 1.0),
        (30, 2.0),
    ]
    assert latest_by_step(rows, "validation") == []


def test_the_last_row_of_a_step_counts_and_steps_are_in_order():
    rows = [row("train", 20, loss=1.0), row("train", 10, loss=2.0), row("train", 20, loss=3.0)]
    assert [each["loss"] for each in latest_by_step(rows, "train")] == [2.0, 3.0]
