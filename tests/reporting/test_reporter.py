import io
import struct

import numpy as np
import pytest

from gluonlab.reporting.reporter import Reporter, SilentReporter
from gluonlab.reporting.run_files import read_metrics


class BrokenStream(io.StringIO):
    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def read_events(path):
    from tensorboardX.proto.event_pb2 import Event

    data, offset = path.read_bytes(), 0
    while offset < len(data):
        (length,) = struct.unpack_from("<Q", data, offset)
        yield Event.FromString(data[offset + 12 : offset + 12 + length])
        offset += 12 + length + 4


def test_a_row_reaches_the_file_and_the_console(tmp_path):
    stream = io.StringIO()
    with Reporter(tmp_path, 10, stream=stream) as reporter:
        reporter.log("train", 5, loss=np.float32(0.5), epoch=1.0)
        reporter.log("validation", 5, top1=0.25, images=360)
        reporter.log("checkpoint", 5, seconds=0.1)
    rows = read_metrics(tmp_path / "metrics.jsonl")
    assert [(row["kind"], row["step"]) for row in rows] == [
        ("train", 5),
        ("validation", 5),
        ("checkpoint", 5),
    ]
    assert rows[0]["loss"] == 0.5
    assert rows[0]["time"] > 1.7e9
    assert rows[1]["images"] == 360
    assert len(stream.getvalue().splitlines()) == 2


def test_message_is_shown_and_kept_with_the_time(tmp_path):
    stream = io.StringIO()
    with Reporter(tmp_path, 10, stream=stream) as reporter:
        reporter.message("restart 1 of 3")
    assert stream.getvalue() == "restart 1 of 3\n"
    date, clock, text = (tmp_path / "log.txt").read_text().split(" ", 2)
    assert (len(date), len(clock), text) == (10, 8, "restart 1 of 3\n")


@pytest.mark.parametrize("obstacle", ["full disk", "directory", "no run directory"])
def test_unwritable_metrics_warn_once_and_training_goes_on(tmp_path, obstacle):
    run_dir = tmp_path / "run"
    if obstacle != "no run directory":
        run_dir.mkdir()
    if obstacle == "full disk":
        (run_dir / "metrics.jsonl").symlink_to("/dev/full")
    elif obstacle == "directory":
        (run_dir / "metrics.jsonl").mkdir()
    stream = io.StringIO()
    with Reporter(run_dir, 10, stream=stream) as reporter:
        for step in (1, 2, 3):
            reporter.log("train", step, loss=1.0)
    lines = stream.getvalue().splitlines()
    assert sum(line.startswith("warning: metrics.jsonl cannot be written (") for line in lines) == 1
    assert sum(line.startswith("step") for line in lines) == 3


def test_rows_return_when_the_disk_has_room_again(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    metrics.mkdir()
    with Reporter(tmp_path, 10, stream=io.StringIO()) as reporter:
        reporter.log("train", 1, loss=1.0)
        metrics.rmdir()
        reporter.log("train", 2, loss=1.0)
    assert [row["step"] for row in read_metrics(metrics)] == [2]


def test_a_console_that_went_away_costs_no_rows(tmp_path):
    with Reporter(tmp_path, 10, stream=BrokenStream()) as reporter:
        reporter.log("train", 1, loss=1.0)
        reporter.log("train", 2, loss=1.0)
    assert len(read_metrics(tmp_path / "metrics.jsonl")) == 2
    assert (tmp_path / "log.txt").read_text().count("console cannot be written") == 1


def test_tensorboard_holds_the_scalars_and_forgets_what_a_resume_repeats(tmp_path):
    with Reporter(tmp_path, 10, tensorboard=True, stream=io.StringIO()) as reporter:
        reporter.log("train", 5, loss=0.5, top1=float("nan"))
        reporter.log("resume", 3)
        reporter.log("validation", 4, top1=0.25)
    (path,) = (tmp_path / "tensorboard").iterdir()
    events = list(read_events(path))
    scalars = [(e.step, v.tag, v.simple_value) for e in events for v in e.summary.value]
    assert scalars == [(5, "train/loss", 0.5), (4, "validation/top1", 0.25)]
    assert [e.step for e in events if e.session_log.status == e.session_log.START] == [4]


def test_tensorboard_that_cannot_be_written_is_a_warning(tmp_path):
    (tmp_path / "tensorboard").write_text("in the way")
    stream = io.StringIO()
    with Reporter(tmp_path, 10, tensorboard=True, stream=stream) as reporter:
        reporter.log("train", 1, loss=1.0)
    assert stream.getvalue().count("warning: TensorBoard cannot be written") == 1


def test_silent_reporter_leaves_no_trace(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with SilentReporter() as reporter:
        reporter.log("train", 1, loss=1.0)
        reporter.message("hello")
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""
