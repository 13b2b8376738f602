"""A process that ran out of memory, threads or time: the launcher says so, with exit code 9."""

import sys
import time

import pytest

from gluonlab.errors import Problem
from gluonlab.launch.job import run_job
from gluonlab.launch.plan import JobPlan
from gluonlab.launch.verdict import judge
from gluonlab.supervision.switchboard import RankView
from gluonlab.supervision.watchdog import Limits, Trouble

VIEWS = {rank: RankView(rank, "a", 100 + rank, heard=0.0, step=5, phase="training") for rank in (0, 1)}
EXITED = "The first process to do so was:  Process name: [prterun-vm-1@1,1] Exit code:    3"


def killed(number):
    return f"prterun noticed that process rank 1 with PID 9 on node b exited on signal {number} (x)."


def test_a_process_that_ran_out_of_something_says_so_in_its_last_words():
    words = {1: "terminate called after throwing an instance of 'std::bad_alloc'"}
    failure = judge(137, killed(6), VIEWS, None, last_words=words)
    assert str(failure.error).startswith(
        "error[RES03] rank 1 (a, pid 101): died of SIGABRT at step 5 (training): out of memory; "
    )
    assert (failure.error.exit_code, failure.is_restartable) == (9, True)
    words = {1: "OpenBLAS: pthread_create failed: Resource temporarily unavailable"}
    assert judge(3, EXITED, VIEWS, None, last_words=words).error.problems[0].code == "RES02"
    for number, code in ((24, "RES04"), (25, "RES01")):  # SIGXCPU, SIGXFSZ
        assert judge(137, killed(number), VIEWS, None).error.problems[0].code == code
    assert "died of SIGBUS at step 5 (training); perhaps for a full /dev/shm; the same command" in str(
        judge(137, killed(7), VIEWS, None).error
    )
    assert judge(128 + 25, "", {}, None).error.exit_code == 9
    lost = Trouble(VIEWS[0], Problem("RES03", "rank 0", "Horovod ended: std::bad_alloc"), 9)
    assert judge(143, "", VIEWS, lost).error.exit_code == 9


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Horovod background loop uncaught exception: std::bad_alloc", 9),
        ("Horovod background loop uncaught exception: Connection reset by peer", 7),
    ],
)
def test_a_horovod_that_ran_out_of_memory_ends_the_job(words, code):
    """Its process lives on and waits, and so do all others; a lost peer is told of by its own end."""
    seconds = 60 if code == 9 else 1
    command = f"import sys, time; print('{words}', file=sys.stderr, flush=True); time.sleep({seconds})"
    plan = JobPlan([sys.executable, "-c", command], 2, limits=Limits(startup=30, idle=20))
    start = time.monotonic()
    failure = run_job(plan)
    assert time.monotonic() - start < 20
    if code == 9:
        assert str(failure.error).startswith("error[RES03] rank ")
        assert "Horovod ended: std::bad_alloc; " in str(failure.error)
    else:
        assert failure is None
