"""What the page knows of a launched run's processes: who is behind, who died."""

import json
import time

import pytest

from gluonlab.reporting.watch.processes import deaths_of, ranks_of


def row(rank, collectives, **others):
    usual = {
        "host": "a",
        "phase": "training",
        "step": 3,
        "idle": 0.1,
        "silent": 0.2,
        "memory": 5,
        "seconds": {},
    }
    return {"rank": rank, "collectives": collectives, "has_left": False, **usual, **others}


def write(run, name, text):
    (run / "logs").mkdir(exist_ok=True)
    (run / "logs" / name).write_text(text)


def test_who_is_behind_keeps_the_others_waiting(tmp_path):
    rows = [row(0, 20), row(1, 18, seconds={"waiting for data": 2.5}), row(2, 20)]
    write(tmp_path, "ranks.json", json.dumps({"time": time.time(), "attempt": 1, "ranks": rows}))
    table = ranks_of(tmp_path)
    assert [one["behind"] for one in table["ranks"]] == [0, 2, 0]
    assert table["ranks"][1]["waited_for_data"] == 2.5
    assert not table["is_stale"]


def test_an_old_table_is_stale(tmp_path):
    write(tmp_path, "ranks.json", json.dumps({"time": time.time() - 60, "attempt": 1, "ranks": [row(0, 1)]}))
    assert ranks_of(tmp_path)["is_stale"]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"time": 1, "ranks": [{}]}', '{"time": "x", "ranks": []}'])
def test_a_table_of_another_version_is_no_table(tmp_path, text):
    write(tmp_path, "ranks.json", text)
    assert ranks_of(tmp_path) is None


def test_a_run_that_was_not_launched_has_neither(tmp_path):
    assert (ranks_of(tmp_path), deaths_of(tmp_path)) == (None, [])


def test_deaths_in_order_without_half_a_line(tmp_path):
    lines = [{"time": 1.0, "attempt": 1, "step": 7, "message": "error[CLU10] rank 1: ended"}]
    lines.append({"time": 2.0, "attempt": 2, "step": None, "message": "x" * 1000})
    write(tmp_path, "deaths.jsonl", "".join(json.dumps(one) + "\n" for one in lines) + '{"time": 3')
    first, second = deaths_of(tmp_path)
    assert (first["step"], first["message"]) == (7, "error[CLU10] rank 1: ended")
    assert (second["step"], len(second["message"])) == (None, 300)
