"""A long metrics file becomes few points; what was written since is read on."""

import json

import pytest

from gluonlab.reporting.watch.series import Curve, SeriesFile


def line(kind, step, **values):
    return json.dumps({"kind": kind, "step": step, "time": float(step), **values}) + "\n"


def test_a_curve_keeps_mean_and_extremes_in_bounded_space():
    curve = Curve(max_points=8)
    for step in range(1, 1001):
        curve.add(step, {"loss": float(step)})
    assert len(curve.buckets) <= 8
    parts = [bucket.values["loss"] for bucket in curve.buckets]
    assert sum(part[0] for part in parts) == 500500
    assert sum(part[1] for part in parts) == 1000
    assert (parts[0][2], parts[-1][3]) == (1, 1000)
    assert curve.buckets[-1].step == 1000


def test_rows_are_read_on_and_half_a_row_waits(tmp_path):
    path = tmp_path / "metrics.jsonl"
    whole = line("train", 2, loss=3.0)
    path.write_text(line("train", 1, loss=5.0) + whole[:10])
    series = SeriesFile(path)
    series.read_on()
    assert series.points("train.loss")["mean"] == [5.0]
    with path.open("a") as file:
        file.write(whole[10:])
    series.read_on()
    assert series.points("train.loss")["mean"] == [5.0, 3.0]
    assert series.strange_rows == 0


def test_what_a_resumed_run_repeats_is_forgotten(tmp_path):
    path = tmp_path / "metrics.jsonl"
    rows = [line("train", step, loss=float(step)) for step in (1, 2, 3)]
    path.write_text("".join([*rows, line("resume", 1), line("train", 2, loss=20.0)]))
    series = SeriesFile(path)
    series.read_on()
    assert series.points("train.loss")["mean"] == [1.0, 20.0]
    assert [event["kind"] for event in series.events] == ["resume"]


@pytest.mark.parametrize(
    "text", ["no JSON", "[1]", '{"kind": 3, "step": 1}', '{"kind": "train", "step": "a"}']
)
def test_rows_of_another_version_are_counted(tmp_path, text):
    path = tmp_path / "metrics.jsonl"
    path.write_text(text + "\n" + line("train", 1, loss=5.0))
    series = SeriesFile(path)
    series.read_on()
    assert series.strange_rows == 1
    assert series.points("train.loss")["step"] == [1]


def test_a_file_that_is_not_there_yet_has_no_points(tmp_path):
    series = SeriesFile(tmp_path / "metrics.jsonl")
    series.read_on()
    assert (series.points("train.loss")["step"], series.size) == ([], 0)
    (tmp_path / "metrics.jsonl").write_text(line("train", 1, loss=9.0))
    series.read_on()
    assert series.points("train.loss")["mean"] == [9.0]


def test_a_replaced_file_is_read_anew(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(line("train", 1, loss=5.0) + line("train", 2, loss=4.0))
    series = SeriesFile(path)
    series.read_on()
    path.write_text(line("train", 1, loss=9.0))
    series.read_on()
    assert series.points("train.loss")["mean"] == [9.0]
