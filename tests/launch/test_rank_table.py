"""The launcher's table of its processes, and its list of failed attempts."""

import json
import time

from gluonlab.launch.rank_table import WRITE_EVERY_SECONDS, RankTable
from gluonlab.reporting.held_directory import HeldDirectory
from gluonlab.reporting.watch.processes import deaths_of, ranks_of
from gluonlab.supervision.switchboard import RankView


def view(rank, collectives):
    seen = RankView(rank, "host", 100 + rank, heard=9.0)
    seen.step, seen.phase, seen.collectives, seen.memory = 5, "training", collectives, 1 << 30
    seen.seconds = {"waiting for data": 1.5}
    return seen


def written(path):
    deadline = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return json.loads(path.read_text())


def test_the_page_reads_what_the_launcher_writes(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    RankTable(HeldDirectory(logs), attempt=2).update([view(1, 30), view(0, 31)], now=10.0)
    table = written(logs / "ranks.json")
    assert (table["attempt"], [row["rank"] for row in table["ranks"]]) == (2, [0, 1])
    ranks = ranks_of(tmp_path)["ranks"]
    assert [(row["behind"], row["silent"], row["waited_for_data"]) for row in ranks] == [
        (0, 1, 1.5),
        (1, 1, 1.5),
    ]


def test_it_is_written_every_two_seconds_of_the_launchers_clock(tmp_path):
    table = RankTable(HeldDirectory(tmp_path), attempt=1)
    table.update([view(0, 1)], now=10.0)
    assert written(tmp_path / "ranks.json")["ranks"][0]["collectives"] == 1
    (tmp_path / "ranks.json").unlink()
    table.update([view(0, 2)], now=10.0 + WRITE_EVERY_SECONDS / 2)
    table.update([view(0, 3)], now=10.0 + WRITE_EVERY_SECONDS)
    assert written(tmp_path / "ranks.json")["ranks"][0]["collectives"] == 3


def test_a_folder_that_is_gone_is_not_made_again(tmp_path):
    gone = tmp_path / "gone"
    for folder in (HeldDirectory(gone), None):
        table = RankTable(folder, attempt=1)
        table.update([view(0, 1)], now=10.0)
        table.note_death(5, "a message")
    time.sleep(0.1)
    assert not gone.exists()


def test_nothing_goes_into_another_folder_in_its_place(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    table = RankTable(HeldDirectory(logs), attempt=1)
    table.update([view(0, 1)], now=10.0)
    written(logs / "ranks.json")
    logs.rename(tmp_path / "moved")
    logs.mkdir()
    table.update([view(0, 2)], now=20.0)
    table.note_death(5, "a message")
    time.sleep(0.1)
    assert list(logs.iterdir()) == []


def test_a_failed_attempt_is_a_line(tmp_path):
    (tmp_path / "logs").mkdir()
    RankTable(HeldDirectory(tmp_path / "logs"), 1).note_death(5, "error[CLU10] rank 1: killed")
    RankTable(HeldDirectory(tmp_path / "logs"), 2).note_death(None, "error[CLU23] host b: is gone")
    assert [(death["step"], death["message"]) for death in deaths_of(tmp_path)] == [
        (5, "error[CLU10] rank 1: killed"),
        (None, "error[CLU23] host b: is gone"),
    ]
