import json

import pytest

from gluonlab.reporting.traces import Traces, traces_of


@pytest.mark.parametrize(
    ("rows", "trained", "saved"),
    [
        ([], None, None),
        ([("train", 5), ("validation", 7)], 7, None),
        ([("train", 5), ("checkpoint", 3), ("train", 10)], 10, 3),
        ([("resume", 0), ("train", 5)], 5, None),
        ([("resume", 7)], 7, 7),
        ([("rollback", 7)], 7, 7),
    ],
)
def test_what_a_log_tells(tmp_path, rows, trained, saved):
    lines = [json.dumps({"kind": kind, "step": step}) for kind, step in rows]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"kind": "checkpoint", "st']))
    assert traces_of(tmp_path) == Traces(trained, saved)


def test_what_is_damaged_or_missing_tells_nothing_and_the_rest_counts(tmp_path):
    assert traces_of(tmp_path / "nowhere") == Traces(None, None)
    (tmp_path / "metrics.jsonl").write_bytes(b'\xff\xfe\n[]\n{"kind": "checkpoint", "step": "9"}\n')
    assert traces_of(tmp_path) == Traces(None, None)
    with (tmp_path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"kind": "checkpoint", "step": 9}\n' + b"[" * 100_000 + b"\n")
    assert traces_of(tmp_path) == Traces(9, 9)


def test_a_finished_run_was_saved_at_its_end(tmp_path):
    (tmp_path / "summary.json").write_text('{"steps": 44}')
    assert traces_of(tmp_path) == Traces(44, 44)


def test_a_log_that_is_no_file_tells_nothing(tmp_path):
    (tmp_path / "metrics.jsonl").mkdir()
    assert traces_of(tmp_path) == Traces(None, None)
