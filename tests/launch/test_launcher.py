"""How a launch ends: which rank is named, with which code, and that nothing is left behind."""

import contextlib
import json
import os
import platform
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

DIGITS = ["configs/digits.yaml", "tensorboard=false", "log_every=5"]


def start_launch(run_dir, *arguments):
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gluonlab.cli.main",
            "launch",
            "-n",
            "2",
            *DIGITS,
            f"run_dir={run_dir}",
            *arguments,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ranks_of(job, run_dir):
    """The training processes below ``job``, by rank, once they have logged something."""
    deadline = time.monotonic() + 60
    while not (run_dir / "metrics.jsonl").exists():
        assert time.monotonic() < deadline
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.02)
    ranks = {}
    for process in psutil.Process(job.pid).children(recursive=True):
        environment = process.environ()
        if "OMPI_COMM_WORLD_RANK" in environment and "train" in process.cmdline():
            ranks[int(environment["OMPI_COMM_WORLD_RANK"])] = process
    return ranks


def test_a_killed_rank_is_named_with_its_signal_and_the_run_continues(tmp_path, run_gluonlab):
    run_dir, short = tmp_path / "run", ["checkpoint_every=5steps", "epochs=4"]
    job = start_launch(run_dir, *short)
    ranks = ranks_of(job, run_dir)
    while not (run_dir / "checkpoints/step-00000005").exists():
        time.sleep(0.01)
    ranks[1].send_signal(signal.SIGKILL)
    start = time.monotonic()
    _, errors = job.communicate(timeout=60)
    assert time.monotonic() - start < 15
    assert job.returncode == 7, errors
    assert errors.startswith("error[CLU10] rank 1 (")
    assert "died of SIGKILL at step " in errors
    assert errors.count("\n") == 1, errors
    assert not ranks[0].is_running() or ranks[0].status() == psutil.STATUS_ZOMBIE
    again = run_gluonlab("launch", "-n", 2, *DIGITS, f"run_dir={run_dir}", *short)
    assert again.returncode == 0, again.stderr
    assert "resumed from" in again.stdout


def test_what_a_killed_mpirun_left_behind_stops_no_other_job(tmp_path):
    for number in range(os.getpid(), os.getpid() + 300):  # numbers that the next mpirun may get
        folder = tmp_path / f"ompi.{number}"
        folder.mkdir()
        (folder / f"pmix.{platform.node()}.tool.{number}").write_text("left behind")
    rank = "import os, pathlib; print(pathlib.Path(os.environ['PMIX_SERVER_TMPDIR']).parent)"
    job = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from gluonlab.launch.job import launch; launch(sys.argv[1:], 2)",
            sys.executable,
            "-c",
            rank,
        ],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert job.returncode == 0, job.stderr
    folder = Path(job.stdout.splitlines()[0].split()[-1])
    assert folder.parent == tmp_path
    assert folder.name.startswith("gluonlab-")
    assert not folder.exists()


def test_killing_the_launcher_leaves_no_process(tmp_path):
    run_dir = tmp_path / "run"
    job = start_launch(run_dir)
    family = psutil.Process(job.pid).children(recursive=True)
    ranks = ranks_of(job, run_dir)
    family += list(ranks.values())
    job.kill()
    job.communicate()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_a_signal_saves_the_run(tmp_path, number):
    run_dir = tmp_path / "run"
    job = start_launch(run_dir)
    ranks_of(job, run_dir)
    job.send_signal(number)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 75, errors
    assert errors.startswith("error[CLU20] step ")
    assert f"stopped by {number.name}, the state is saved" in errors
    assert errors.count("\n") == 1
    assert not (run_dir / "error.json").exists()
    step = int(errors.split("step ")[1].split(":")[0])
    assert (run_dir / f"checkpoints/step-{step:08d}").is_dir()


MAPPED_WHEN_GLOO_STARTS = """
import horovod.runner.launch as horovodrun
from gluonlab.launch import gloo_start
horovodrun.run_commandline = lambda: print(open("/proc/self/maps").read())
gloo_start.main()
"""


def test_gloo_starts_with_a_horovod_that_was_built_in_another_environment():
    """Such a one finds no libmpi by itself, and horovodrun takes it for one without Gloo."""
    library = Path(sys.prefix) / "lib/libmpi.so.40"
    job = subprocess.run([sys.executable, "-c", MAPPED_WHEN_GLOO_STARTS], capture_output=True, text=True)
    assert (str(library) in job.stdout) == library.exists(), job.stderr


def test_gloo_gives_the_same_weights_as_mpi(tmp_path, run_gluonlab):
    digests = {}
    for backend in ("mpi", "gloo"):
        run_dir = tmp_path / backend
        job = run_gluonlab(
            "launch", "-n", 2, "--backend", backend, *DIGITS, "epochs=1", "schedule.warmup_epochs=0",
            f"run_dir={run_dir}",
        )  # fmt: skip
        assert job.returncode == 0, job.stderr
        summary = json.loads((run_dir / "summary.json").read_text())
        assert summary["processes"] == 2
        digests[backend] = summary["weights_sha256"]
    assert digests["mpi"] == digests["gloo"]  # a sum of two has only one order


@pytest.mark.parametrize(("backend", "warnings"), [("gloo", 1), ("mpi", 0)])
def test_gradients_in_float16_are_warned_of_where_they_cost_time(tmp_path, run_gluonlab, backend, warnings):
    job = run_gluonlab(
        "launch", "-n", 2, "--backend", backend, *DIGITS, "wire_precision=float16", "epochs=0.1",
        "schedule.warmup_epochs=0", f"run_dir={tmp_path / 'run'}",
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    told = "warning: wire_precision float16 halves what is sent, but Gloo takes"
    assert (job.stdout + job.stderr).count(told) == warnings


def test_the_environment_does_not_reach_the_command_line(tmp_path):
    os.environ["GLUONLAB_TEST_SECRET"] = "hunter2"
    try:
        job = start_launch(tmp_path / "run")
        family = list(ranks_of(job, tmp_path / "run").values()) + psutil.Process(job.pid).children(
            recursive=True
        )
        assert not any("hunter2" in " ".join(process.cmdline()) for process in family)
    finally:
        del os.environ["GLUONLAB_TEST_SECRET"]
        job.terminate()
        job.communicate(timeout=30)


def test_a_terminal_gets_a_bar_that_moves_while_the_ranks_train(tmp_path):
    terminal, end_of_job = pty.openpty()
    command = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", "2", *DIGITS]
    job = subprocess.Popen(
        [*command, f"run_dir={tmp_path / 'run'}", "epochs=6"],
        stdout=end_of_job,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(end_of_job)
    times = []
    with contextlib.suppress(OSError):  # the terminal is gone when the job is
        while text := os.read(terminal, 1 << 16):
            if b"ETA" in text:
                times.append(time.monotonic())
    assert job.wait(timeout=60) == 0
    os.close(terminal)
    assert len(times) > 5
    assert times[-1] - times[0] > 0.5  # not all at the end
