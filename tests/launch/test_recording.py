"""What the processes of a real job did last: written when asked for, and when one of them is frozen."""

import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

from gluonlab.errors import Problem
from gluonlab.launch.recording import event_of
from gluonlab.supervision.failure import FailureReport
from gluonlab.supervision.switchboard import RankView
from gluonlab.supervision.watchdog import Trouble
from tests.conftest import HAS_HOROVOD

DIGITS = ["configs/digits.yaml", "tensorboard=false", "log_every=5", "epochs=1000"]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "gluonlab.cli.main", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(job, condition):
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.02)


def recorders(run, event, ranks=2):
    """The documents of an event, once they are all there."""
    return lambda: len(list((run / "logs").glob(f"recorder-{event}-rank-*.json"))) == ranks


def rank_of_job(job, rank):
    for process in psutil.Process(job.pid).children(recursive=True):
        if process.environ().get("OMPI_COMM_WORLD_RANK") == str(rank) and "train" in process.cmdline():
            return process
    raise AssertionError("not there")


@pytest.mark.skipif(not HAS_HOROVOD, reason="Horovod is not installed in this environment")
def test_recorders_are_written_when_asked_for_and_name_where_a_frozen_rank_is(tmp_path, run_gluonlab):
    run = tmp_path / "run"
    job = start("launch", "-n", 2, "--idle-limit", 4, *DIGITS, f"run_dir={run}")
    try:
        wait_for(job, (run / "metrics.jsonl").exists)
        job.send_signal(signal.SIGUSR2)
        wait_for(job, recorders(run, "1-asked"))
        frozen = rank_of_job(job, 1)
        frozen.send_signal(signal.SIGUSR2)
        wait_for(job, recorders(run, "2-asked"))
        frozen.suspend()
        _, errors = job.communicate(timeout=90)
    finally:
        job.kill()
    *told, last = errors.splitlines()
    assert job.returncode == 7
    assert [line.partition(":")[0] for line in told] == 2 * ["flight recorders of 2 processes"]
    assert last.endswith(f"runs --timeline {run} draws what they did last")
    for rank in (0, 1):
        document = json.loads((run / f"logs/recorder-1-asked-rank-{rank:05d}.json").read_text())
        sizes = {name: size for _, name, _, size, *_ in document["collectives"]}
        assert sizes["gradients"] > sizes["statistics"] > 0
        assert "waiting for sums" in [event[1] for event in document["phases"]]
    drawn = json.loads(run_gluonlab("runs", "--timeline", run, "--json", "-").stdout)
    difference = drawn["first_difference"]
    assert drawn["event"] == "3-standstill"
    if difference is not None:  # if it was frozen after it had entered, there is none
        assert difference.startswith("rank 1 has not entered '")
        assert f"; it {difference.partition(' ')[2].partition(' ')[2]}; frozen" in last
    assert "error[CLU13] rank 1 " in last


def test_a_process_alone_writes_its_own(tmp_path):
    run = tmp_path / "run"
    job = start("train", *DIGITS, f"run_dir={run}")
    try:
        wait_for(job, (run / "metrics.jsonl").exists)
        job.send_signal(signal.SIGUSR2)
        wait_for(job, recorders(run, "1-asked", ranks=1))
        assert job.poll() is None
    finally:
        job.kill()
        job.communicate()


@pytest.mark.parametrize(("arguments", "code", "message"), [
    (["--timeline", "run"], 4, "error[CKP02] runs/run: no run here"),
    (["--timeline", "mine"], 4, "error[CKP02] mine/logs: no flight recorder was written here"),
    (["-o", "x.json"], 2, "error[CLI02] -o: is where --timeline is written to"),
])  # fmt: skip
def test_what_cannot_be_drawn_is_one_line(arguments, code, message, tmp_path, run_gluonlab):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/config.json").write_text("{}")
    ended = run_gluonlab("runs", *arguments, cwd=tmp_path)
    assert (ended.returncode, ended.stderr.count("\n")) == (code, 1)
    assert ended.stderr.startswith(message)


def view(rank, exit_code=None, is_victim=False):
    problems = (Problem("NUM01", "x", "y"),)
    report = FailureReport(rank, "a", 0.0, exit_code, problems, is_victim) if exit_code is not None else None
    return RankView(rank, "a", 100 + rank, heard=0.0, report=report)


def test_only_what_recorders_can_explain_is_recorded():
    def event(*views, trouble=None, code=None):
        trouble = trouble and Trouble(views[0], Problem(trouble, "rank 0", "x"))
        return event_of(trouble, {one.rank: one for one in views}, code)

    assert event(view(0), view(1)) == ""
    assert event(view(0), view(1), code=0) == ""
    assert event(view(0, 75), view(1, 75), code=1) == ""
    assert event(view(0, 3), view(1, 7, is_victim=True), code=1) == ""
    assert event(view(0, 6), view(1, 6)) == "divergence"
    assert event(view(0, 5)) == "divergence"
    assert event(view(0, 70)) == "death"
    assert event(view(0, 7, is_victim=True), view(1)) == "death"
    assert event(view(0), view(1), code=137) == "death"
    assert event(view(0), trouble="CLU10") == "death"
    assert event(view(0), trouble="CLU13") == event(view(0), trouble="CLU15") == "standstill"
