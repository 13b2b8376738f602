"""Flight recorders side by side: clocks, tracks, files."""

import json

import pytest

from gluonlab.errors import CheckpointError
from gluonlab.reporting.recorder_files import KEPT_EVENTS, RankRecord, newest_records, write_records
from gluonlab.reporting.timeline import aligned, timeline_of, write_timeline
from gluonlab.supervision.flight_recorder import Event, Recorded

MS = 1_000_000


def record(rank, events, ahead=0, boot="a", error=0, phases=()):
    """Of ``rank``, which entered (name, bytes, entered ms, left ms) on its own clock, at noon on the wall."""
    entered = [
        Event(number, name, 4, size, start * MS, end * MS, (start + 1000) * MS)
        for number, (name, size, start, end) in enumerate(events, start=1)
    ]
    return RankRecord(
        rank, f"host-{boot}", 70 + rank, 1, 2.0, boot, ahead, error, Recorded(entered, list(phases))
    )


def offsets(*records):
    return {rank: (clock.ahead / MS, clock.how) for rank, clock in aligned(dict(enumerate(records))).items()}


def test_a_clock_that_was_measured_is_taken_as_such():
    assert offsets(record(0, []), record(1, [], ahead=250 * MS, boot="b", error=MS // 2)) == {
        0: (0, "that of the launcher's host"),
        1: (250, "measured by the launcher, within 0.5 ms"),
    }


def test_processes_of_one_host_have_one_clock():
    found = offsets(record(0, []), record(1, [], ahead=70 * MS, boot="b", error=MS), record(2, [], None, "b"))
    assert found[2] == (70, "that of rank 1, on its host")


def test_exchanges_that_end_together_align_a_clock_that_was_not_measured():
    here = record(0, [("exchange", 0, 10, 20), ("gradients", 8, 30, 31), ("exchange", 0, 40, 50)])
    there = record(
        1, [("exchange", 0, 515, 520), ("gradients", 8, 900, 901), ("exchange", 0, 540, 552)], None, "b"
    )
    assert offsets(here, there)[1] == (501, "by 2 exchanges with rank 0")


def test_without_exchanges_calendars_align_and_without_anything_nothing():
    here, there = record(0, [("gradients", 8, 30, 31)]), record(1, [("gradients", 8, 530, 531)], None, "b")
    assert offsets(here, there)[1] == (0, "by the calendars of its host and that of rank 0")
    assert offsets(here, record(1, [], None, "b"))[1] == (0, "not known")
    assert offsets(record(0, [], None, ""), record(1, [], None, ""))[0] == (0, "the reference")


def test_a_trace_has_a_group_for_each_rank_on_one_clock():
    waiting = Event(1, "waiting for sums", 4, 0, 35 * MS, 0, 1035 * MS)
    here = record(0, [("gradients", 8, 30, 31), ("metrics", 32, 34, 0)], phases=[waiting])
    there = record(1, [("gradients", 8, 540, 541)], ahead=500 * MS, boot="b", error=MS)
    timeline = timeline_of("3-standstill", {0: here, 1: there})
    drawn = [one for one in timeline.trace["traceEvents"] if one["ph"] == "X"]
    assert [(one["pid"], one["tid"], one["name"], one["ts"], one["dur"]) for one in drawn] == [
        (0, 1, "gradients", 0, 1000),
        (0, 1, "metrics", 4000, 966_000),  # until it was asked, 2 s by the calendar: 1 s on the clock
        (0, 2, "waiting for sums", 5000, 965_000),
        (1, 1, "gradients", 10_000, 1000),
    ]
    assert [one["args"]["has ended"] for one in drawn] == [True, False, False, True]
    names = [one["args"]["name"] for one in timeline.trace["traceEvents"] if one["name"] == "process_name"]
    assert names == ["rank 0 (host-a, pid 70)", "rank 1 (host-b, pid 71)"]
    assert timeline.difference == "rank 1 has not entered 'metrics' at step 4, as rank 0 did"
    assert timeline.trace["otherData"]["first difference"] == timeline.difference


def test_the_newest_event_is_read_and_old_ones_give_way(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    for number in range(1, KEPT_EVENTS + 4):
        records = {rank: record(rank, [("gradients", 8, number, number + 1)]) for rank in (0, 1)}
        assert write_records(logs, "asked", records) == number
    assert len(list(logs.iterdir())) == 2 * KEPT_EVENTS
    event, read = newest_records(tmp_path)
    assert (event, read) == (f"{KEPT_EVENTS + 3}-asked", records)


def test_a_timeline_is_a_json_file(tmp_path):
    (tmp_path / "logs").mkdir()
    write_records(tmp_path / "logs", "death", {0: record(0, [("gradients", 8, 3, 4)])})
    timeline = write_timeline(tmp_path, tmp_path / "timeline.json")
    assert json.loads((tmp_path / "timeline.json").read_text()) == json.loads(json.dumps(timeline.trace))


def test_no_recorder_and_a_damaged_one_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"CKP02\] \S+logs: no flight recorder was written here"):
        newest_records(tmp_path)
    (tmp_path / "logs").mkdir()
    write_records(tmp_path / "logs", "asked", {0: record(0, [("gradients", 8, 3, 4)])})
    path = tmp_path / "logs/recorder-1-asked-rank-00000.json"
    whole = path.read_text()
    for text in (whole[:-30], "[]", "{}", whole.replace('"format": 1', '"format": 9'),
                 whole.replace('"gradients"', "5"), whole.replace('"time": 2.0', '"time": "x"')):  # fmt: skip
        path.write_text(text)
        with pytest.raises(CheckpointError, match=r"CKP03\] \S+recorder-1-asked-rank-00000.json") as caught:
            newest_records(tmp_path)
        assert "\n" not in str(caught.value)
