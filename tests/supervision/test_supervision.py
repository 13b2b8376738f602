"""Who is named when a job stands still, who may speak to the launcher, and what it makes of an end."""

import json
import os
import re
import signal
import socket
import threading
import time

import psutil
import pytest

from gluonlab.errors import DataError, PeerFailedError, Problem
from gluonlab.launch.environment import job_environment
from gluonlab.launch.gloo_start import owner_of_connection
from gluonlab.launch.hosts import Host
from gluonlab.launch.output import Output
from gluonlab.launch.plan import JobPlan
from gluonlab.launch.verdict import judge
from gluonlab.supervision.failure import report_of
from gluonlab.supervision.lived_time import LivedTime
from gluonlab.supervision.messages import LINE_BYTES, encode
from gluonlab.supervision.stop import PreemptedError
from gluonlab.supervision.switchboard import RankView, Switchboard
from gluonlab.supervision.watchdog import Limits, Trouble, Watchdog


def view(rank, **values):
    defaults = {
        "phase": "training",
        "step": 5,
        "collectives": 7,
        "recent": ("a", "gradients"),
        "heard": 1000.0,
    }
    return RankView(rank, "a", 100 + rank, **{**defaults, **values})


def watchdog_at(now, size=2, **limits):
    """One that began to look at 0, on a clock that stands at ``now``."""
    clock = LivedTime(lambda: 0.0)
    watchdog = Watchdog(size, Limits(**{"startup": 600, "idle": 120, **limits}), clock)
    clock._lived = now
    return watchdog


def look(views, now=1000.0, size=2, **limits):
    return watchdog_at(now, size, **limits).look({one.rank: one for one in views})


def test_processes_that_go_on_are_left_alone():
    assert look([view(0, idle=119), view(1, idle=500, collectives=8)]) is None
    assert look([view(0, idle=500, phase="starting"), view(1, idle=500)]) is None
    assert look([view(0, idle=500, phase="writing a checkpoint"), view(1, idle=500, collectives=8)]) is None


def test_the_one_that_is_behind_is_named_not_those_that_wait():
    ahead = view(0, idle=130, collectives=9, recent=("a", "gradients", "statistics", "metrics"))
    trouble = look([ahead, view(1, idle=125)])
    assert trouble.view.rank == 1
    assert str(trouble.problem).startswith(
        "error[CLU15] rank 1 (a, pid 101): no progress for 125 s at step 5 (training) "
        "while rank 0 waits in 'metrics'"
    )
    starved = look([ahead, view(1, idle=125, phase="waiting for data")])
    assert "(waiting for data)" in starved.problem.what
    assert "as are all others" in look([view(0, idle=130), view(1, idle=125)]).problem.what
    joining = view(0, idle=700, phase="waiting for the others to start", collectives=0, recent=())
    late = look([joining, view(1, idle=650, phase="starting", collectives=0, recent=())])
    assert (late.view.rank, "rank 0 waits for it" in late.problem.what) == (1, True)


def test_who_is_late_is_told_only_while_others_wait():
    watchdog = watchdog_at(40.0, size=3)
    joining, starting = view(0, phase="waiting for the others to start"), view(1, phase="starting")
    assert watchdog.late({0: starting, 1: starting}) == ""
    told = watchdog.late({0: joining, 1: starting})
    assert told == "rank 1 and 1 more have not started yet; waited 40 of 600 s"
    assert watchdog.late({0: joining, 1: view(1), 2: view(2)}) == ""


def test_the_one_that_took_another_way_is_named():
    """It left 'b' out, so it is where the others will be, but they never get there."""
    left_out = view(1, idle=125, collectives=8, recent=("a", "c"))
    others = [view(rank, idle=130, collectives=8, recent=("a", "b")) for rank in (0, 2)]
    trouble = look([*others, left_out], size=3)
    assert trouble.view.rank == 1
    assert "entered 'c' where the others entered 'b', at step 5 (training)" in trouble.problem.what
    further = view(1, idle=125, collectives=9, recent=("a", "c", "d"))
    assert "rank 1" in look([others[0], further]).problem.where


def test_a_frozen_process_and_one_that_never_came_are_named():
    assert look([view(0), view(1, heard=879.0)]).problem.code == "CLU13"
    assert look([view(0), view(1, heard=890.0)]) is None
    assert str(look([view(0, idle=900, phase="starting")]).problem) == (
        "error[CLU21] rank 1: did not start within 600 s; see --startup-limit"
    )


def test_a_process_that_left_without_a_word_is_named_unless_its_work_was_done():
    assert look([view(0), view(1, left=990.0)]).view.rank == 1
    assert look([view(0, left=980.0), view(1, left=990.0)]).view.rank == 0
    assert look([view(0), view(1, left=990.0, is_done=True)]) is None
    assert look([view(0), view(1, left=999.9)]) is None  # its report may be on the way


def test_who_paused_for_long_and_went_on_may_do_so_again():
    watchdog = watchdog_at(1000.0, size=1, idle=10)
    one = view(0, idle=9.0)
    assert watchdog.look({0: one}) is None
    one.idle = 0.0
    assert watchdog.look({0: one}) is None
    one.idle = 26.0
    assert watchdog.look({0: one}) is None
    one.idle = 28.0
    assert watchdog.look({0: one}).problem.code == "CLU15"


def connect(board):
    return socket.create_connection((board.address, board.port), timeout=10)


def wait_for(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


HELLO = {"rank": 1, "host": "a", "pid": 4}


def test_a_process_with_the_key_is_heard_and_hears():
    with Switchboard("127.0.0.1", 2) as board, connect(board) as line:
        line.sendall(encode({"hello": board.key, **HELLO}))
        beat = {"step": 3, "phase": "training", "collectives": 2, "recent": ["g"], "idle": 0.5}
        line.sendall(encode({"beat": beat}) + encode({"stop": "SIGTERM"}))
        wait_for(lambda: board.stop_wish)
        assert (board.ranks[1].step, board.stop_wish) == (3, "SIGTERM to rank 1")
        line.sendall(encode({"report": report_of(DataError("DAT06", "x", "not an image"), 1)}))
        wait_for(lambda: board.ranks[1].report)
        assert board.ranks[1].report.exit_code == 3
        board.tell_all({"stop": "SIGTERM"})
        heard = [json.loads(text) for text in line.recv(100).splitlines()]
        assert heard == [{"welcome": True}, {"stop": "SIGTERM"}]  # a stranger hears nothing
        line.close()
        wait_for(lambda: board.ranks[1].left)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"GET / HTTP/1.0\r\n\r\n",
        b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.\n",
        encode({"hello": "0" * 64, **HELLO}),
        b'{"hello": null}\n',
        b"[" * 100_000 + b"\n",
        b"x" * (LINE_BYTES + 2),
        b"{} \xff\xfe\n",
    ],
    ids=["nothing", "http", "pickle", "wrong key", "null", "nested", "too long", "not text"],
)
def test_strangers_are_closed_within_seconds_and_change_nothing(hostile, caplog):
    with Switchboard("127.0.0.1", 2) as board, connect(board) as line:
        before, start = psutil.Process().memory_info().rss, time.monotonic()
        try:
            line.sendall(hostile)
            assert line.recv(10) == b""
        except ConnectionError:
            pass
        assert time.monotonic() - start < 6
        assert not board.ranks
        assert psutil.Process().memory_info().rss - before < 50 << 20
        assert "did not name the job's key" in caplog.text
        with connect(board) as good:
            good.sendall(encode({"hello": board.key, **HELLO}))
            wait_for(lambda: 1 in board.ranks)


def test_a_process_of_another_job_says_so_in_its_last_line(run_gluonlab, tmp_path):
    with Switchboard("127.0.0.1", 2) as board:
        address = f"127.0.0.1:{board.port}"
        names = {"GLUONLAB_LAUNCHER": address, "GLUONLAB_LAUNCHER_KEY": "0" * 64, "GLUONLAB_LIMITS": "60,60"}
        world = {"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1"}
        run = ["train", "configs/digits.yaml", "epochs=1000", f"run_dir={tmp_path / 'r'}"]
        job = run_gluonlab(*run, environment={**names, **world})
    assert job.returncode == 7, job.stderr
    assert job.stderr.startswith(f"error[CLU21] the launcher at {address}: closed the line before a word: ")
    assert job.stderr.count("\n") == 1


def test_a_stranger_that_drips_is_closed_as_well():
    with Switchboard("127.0.0.1", 2) as board, connect(board) as line:
        start, closed = time.monotonic(), threading.Event()
        while not closed.is_set() and time.monotonic() - start < 10:
            try:
                line.sendall(b" ")
                line.settimeout(0.2)
                if line.recv(1) == b"":
                    closed.set()
            except (TimeoutError, socket.timeout):  # apart before Python 3.10
                continue
            except ConnectionError:
                closed.set()
        assert closed.is_set()


def test_a_second_process_cannot_take_the_place_of_the_first():
    with Switchboard("127.0.0.1", 2) as board, connect(board) as first, connect(board) as second:
        first.sendall(encode({"hello": board.key, **HELLO}))
        wait_for(lambda: 1 in board.ranks)
        second.sendall(encode({"hello": board.key, **HELLO, "host": "evil"}))
        assert second.recv(10) == b""
        assert board.ranks[1].host == "a"


KILLED = "prterun noticed that process rank 1 with PID 9 on node b exited on signal 9 (Killed)."
EXITED = "The first process to do so was:  Process name: [prterun-vm-1@1,1] Exit code:    3"


def told(rank, error, when):
    report = report_of(error, rank)
    from gluonlab.supervision.failure import FailureReport

    return view(rank, report=FailureReport.from_json({**report, "time": when}))


def verdict(code, words="", views=(), trouble=None, **values):
    return judge(code, words, {one.rank: one for one in views}, trouble, **values)


def test_the_first_faulty_process_is_named_not_the_first_to_end():
    victim = PeerFailedError("CLU10", "rank 0", "a peer process ended")
    faulty, later = DataError("DAT06", "x", "not an image"), DataError("DAT04", "y", "damaged")
    failure = verdict(1, EXITED, [told(0, victim, 1.0), told(1, later, 3.0), told(2, faulty, 2.0)])
    assert (failure.rank, failure.step, failure.error.exit_code) == (2, 5, 3)
    assert "not an image" in str(failure.error)
    assert not failure.is_restartable


def test_how_a_process_ended_that_said_nothing():
    assert verdict(0) is None
    killed = verdict(137, KILLED, [view(0), view(1)])
    assert "rank 1 (a, pid 101): died of SIGKILL at step 5 (training)" in str(killed.error)
    assert (killed.error.exit_code, killed.is_restartable) == (7, True)
    assert "ended with code 3 before its work was done" in str(verdict(3, EXITED, [view(1)]).error)
    gone = Trouble(view(1), Problem("CLU10", "rank 1", "ended"))
    gloo = "Process 0 exit with status code 7. Process 1 exit with status code 137."
    killed = verdict(1, gloo, [view(0), view(1)], gone)
    assert "rank 1 (a, pid 101): died of SIGKILL at step 5 (training)" in str(killed.error)
    assert "rank 0 (a, pid 100): ended with code 7" in str(verdict(1, gloo, [view(0)]).error)
    assert verdict(1, gloo, [view(1)], gone, oom_kills=1).error.exit_code == 9
    assert "ended before its work was done at step 5" in str(verdict(0, "", [view(1)], gone).error)
    short = verdict(137, KILLED, [view(1)], oom_kills=1)
    assert (short.error.problems[0].code, short.error.exit_code) == ("RES03", 9)
    assert "code 3: out of slots" in str(verdict(3, "out of slots").error)
    traceback = "Traceback (most recent call last): " + 'File "launch.py", line 752, in run ' * 20
    assert str(verdict(1, traceback + "ValueError: no Gloo").error).endswith("ValueError: no Gloo")
    assert "SIGSEGV" in str(verdict(139).error)
    short_of_files = verdict(186, "[vm:1] PMIX ERROR: PMIX_ERR_SYS_LIMITS_PIPES in file iof_base_setup.c")
    assert (short_of_files.error.problems[0].code, short_of_files.error.exit_code) == ("RES02", 9)
    assert "code 255: no network" in str(verdict(255, "no network").error)


def test_a_stop_with_the_state_saved_is_no_failure_to_restart_from():
    failure = verdict(75, EXITED, [told(0, PreemptedError("CLU20", "step 5", "stopped"), 1.0)])
    assert (failure.error.exit_code, failure.is_restartable) == (75, False)


def test_secrets_do_not_pass_unless_they_are_named():
    mine = {"PATH": "/bin", "MXNET_X": "1", "AWS_SECRET_ACCESS_KEY": "s", "NCCL_TOKEN": "t", "EDITOR": "vi"}
    assert job_environment(mine) == {"PATH": "/bin", "MXNET_X": "1"}
    assert job_environment(mine, ["AWS_SECRET_ACCESS_KEY"])["AWS_SECRET_ACCESS_KEY"] == "s"


def test_the_address_to_listen_on_is_one_that_all_hosts_reach():
    assert JobPlan(["x"], 2).address == "127.0.0.1"
    assert JobPlan(["x"], 2, hosts=(Host("127.0.0.1", 2),)).address == "127.0.0.1"
    assert JobPlan(["x"], 2, hosts=(Host("h", 2),), interface="lo").address == "127.0.0.1"


def test_output_is_sorted_by_process_and_stacks_go_to_the_log_only(tmp_path, capsys):
    import io

    stream = io.StringIO()
    output = Output(re.compile(r"^\[\d+,(\d+)\]<std(?:out|err)>: ?"), stream, tmp_path / "logs")
    of_rank_1 = [
        "hello",
        "Timeout (0:01:00)!",
        "Thread 0x1 (most recent call first):",
        '  File "x", line 1 in f',
    ]
    lines = [*(f"[1,1]<stdout>: {text}" for text in of_rank_1)]
    lines = ["[1,0]<stdout>: step 1", "prterun says", *lines, "[1,0]<stdout>: step 2", "[1,1]<stdout>: on"]
    output._copy([line + "\n" for line in lines], stream)
    assert stream.getvalue() == "step 1\n[1] hello\nstep 2\n[1] on\n"
    assert output.finish() == "prterun says"
    assert 'File "x"' in (tmp_path / "logs/rank-00001.txt").read_text()
    assert (tmp_path / "logs/rank-00000.txt").read_text() == "step 1\nstep 2\n"
    assert (tmp_path / "logs").stat().st_mode & 0o077 == 0


def test_the_owner_of_a_connection_of_this_host_is_known():
    server = socket.create_server(("127.0.0.1", 0))
    with server, socket.create_connection(server.getsockname()) as client:
        assert owner_of_connection(*client.getsockname()) == os.geteuid()
    assert owner_of_connection("127.0.0.1", 1) == -1


def test_a_launcher_can_be_signalled_by_every_name_it_promises():
    from gluonlab.supervision.stop import STOP_SIGNALS

    assert set(STOP_SIGNALS) == {signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGHUP}
