"""Asked to stop, in any way and at any moment: the state is saved, the code is 75, and the same command goes on."""

import re
import time

import pytest

from tests.faults.harness import (
    HUP,
    INT,
    RECIPE,
    TERM,
    USR1,
    Job,
    check_nothing_lost,
    has_logged,
    launch,
    run,
    send,
    sha_of,
    slowly,
)  # fmt: skip

pytestmark = pytest.mark.faults


def check_stopped(ended, run_dir):
    assert ended.code == 75, ended.errors
    assert re.search(r"error\[CLU20\] step \d+: stopped by SIG\w+.*the state is saved", ended.last_line)
    assert not (run_dir / "error.json").exists()
    step = int(re.search(r"step (\d+)", ended.last_line)[1])
    assert (run_dir / f"checkpoints/step-{step:08d}/MANIFEST.json").exists()
    return f"exit 75 at step {step}"


SIGNALS = [("launcher", TERM), ("launcher", INT), ("launcher", HUP), ("rank 0", TERM), ("rank 1", USR1)]
SLOWLY = [("launcher", USR1), ("rank 0", USR1), ("rank 1", TERM)]


@pytest.mark.parametrize(("whom", "number"), [*SIGNALS, *slowly(SLOWLY)])
def test_a_signal_to_anybody(whom, number, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    job = launch(run_dir)
    job.wait_for(has_logged(run_dir))
    send(job.process if whom == "launcher" else job.ranks()[int(whom[-1])], number)
    start = time.monotonic()
    ended = job.end()
    took = time.monotonic() - start
    happened = check_stopped(ended, run_dir)
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add("R9", f"{number.name} to {whom}", happened, took, lost)


MOMENTS = {
    "before the first step": "start:1:1:term",
    "in a step": "step:1:9:term",
    "while waiting for data": "data:0:30:term",
    "in validation": "validate:1:1:term",
    "during a save": "save.fsync:0:3:term",
    "in a slow save": "save.fsync:0:3:pause,step:1:9:term",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_at_any_moment(moment, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    ended = run(run_dir, fault=MOMENTS[moment])
    happened = check_stopped(ended, run_dir)
    lost = check_nothing_lost(run_dir, undisturbed)
    table.add("R9", f"SIGTERM {moment}", happened, ended.seconds, lost)


def test_a_second_signal_ends_the_job_at_once(tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    job = launch(run_dir, fault="step:1:10:hang")
    job.wait_for(has_logged(run_dir))
    send(job.process, TERM)
    time.sleep(1)
    assert job.process.poll() is None
    send(job.process, TERM)
    start = time.monotonic()
    ended = job.end()
    took = time.monotonic() - start
    assert (ended.code, took < 20) == (143, True), ended.errors
    assert ended.last_line.startswith("error[CLU12] the job: was ended by SIGTERM")
    table.add(
        "R9", "SIGTERM twice while nothing moves", "exit 143", took, check_nothing_lost(run_dir, undisturbed)
    )


def test_who_does_not_stop_in_time_is_ended(tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    job = launch(run_dir, "--grace", 3, fault="step:1:10:hang")
    job.wait_for(has_logged(run_dir))
    send(job.process, TERM)
    ended = job.end()
    assert ended.code == 143, ended.errors
    assert "did not stop within 3 s of SIGTERM" in ended.last_line
    table.add("R9", "SIGTERM while nothing moves, --grace 3", "exit 143", ended.seconds,
              check_nothing_lost(run_dir, undisturbed))  # fmt: skip


def test_a_run_without_a_launcher(tmp_path, table):
    shas = []
    for fault in ("", "step:0:9:term"):
        run_dir = tmp_path / f"run{bool(fault)}"
        ended = Job("train", *RECIPE, f"run_dir={run_dir}", fault=fault).end()
        if fault:
            happened = check_stopped(ended, run_dir)
            assert "step 9" in ended.last_line
            assert Job("train", *RECIPE, f"run_dir={run_dir}").end().code == 0
        shas.append(sha_of(run_dir))
    assert shas[0] == shas[1]
    table.add("R9", "SIGTERM to a run without a launcher", happened, ended.seconds, "same weights")


def test_the_step_of_a_signal_is_its_next_one_or_the_third(tmp_path, table):
    run_dir = tmp_path / "run"
    ended = run(run_dir, fault="step:1:9:term")
    step = int(re.search(r"step (\d+)", ended.last_line)[1])
    assert 9 <= step <= 13  # the agreement is two steps old, and a signal may come through the launcher
    table.add("R9", "SIGTERM to rank 1 at step 9", f"all stop at step {step}", ended.seconds, "see above")
