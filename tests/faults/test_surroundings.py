"""What surrounds a job: too low limits, nonsense in variables, nobody who reads, a launcher that is put aside."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.cli.test_streams import run_with
from tests.faults.harness import RECIPE, ROOT, TERM, has_logged, launch, send, sha_of

pytestmark = pytest.mark.faults
LAUNCH = ["launch", "-n", "2", "--bind", "none"]

REFUSED = {
    "ulimit -v 700000": ("ulimit -v 700000", ["train"], 9, r"RES03\] ulimit -v: allows 700,000 KiB"),
    "ulimit -v 1500000, launched": ("ulimit -v 1500000", LAUNCH, 9, r"RES03\] ulimit -v: allows 1,500,000 KiB"),
    "ulimit -d 300000": ("ulimit -d 300000", ["train"], 9, r"RES03\] ulimit -d: allows 300,000 KiB"),
    "MXNET_CPU_WORKER_NTHREADS=-3": (
        "export MXNET_CPU_WORKER_NTHREADS=-3", ["train"], 8, r"ENV30\] MXNET_CPU_WORKER_NTHREADS: '-3' is not"),
    "HOROVOD_CYCLE_TIME=1e14, launched": (
        "export HOROVOD_CYCLE_TIME=1e14", LAUNCH, 8, r"ENV30\] HOROVOD_CYCLE_TIME: '1e14' is not"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_where_nothing_can_run_nothing_begins(name, tmp_path, table):
    before, words, code, message = REFUSED[name]
    command = ["sh", "-c", f'{before}; exec "$@"', "sh", sys.executable, "-m", "gluonlab.cli.main", *words]
    start = time.monotonic()
    job = subprocess.run(
        [*command, *RECIPE, f"run_dir={tmp_path / 'run'}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    took = time.monotonic() - start
    assert (job.returncode, job.stderr.count("\n")) == (code, 1), job.stderr
    assert re.match(rf"error\[{message}", job.stderr), job.stderr
    assert not (tmp_path / "run").exists()
    table.add("R15", name, f"exit {code}, {job.stderr.strip()}", took, "nothing begun")


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a small /dev/shm"
)
@pytest.mark.parametrize(
    ("what", "setting", "message"),
    [
        (
            "/dev/shm of 1 MiB",
            "mount -t tmpfs -o size=1m tmpfs /dev/shm",
            r"RES05\] /dev/shm: 1\.00 MiB are free",
        ),
        ("files of at most 8 MiB", "ulimit -f 8192", r"RES01\] ulimit -f: allows files of 8,192 KiB"),
    ],
)
def test_where_processes_cannot_exchange_anything_nothing_begins(what, setting, message, tmp_path, table):
    inside = ["unshare", "-m", "bash", "-c", f'{setting} && exec "$@"', "bash"]
    command = [*inside, sys.executable, "-m", "gluonlab.cli.main", *LAUNCH, *RECIPE]
    start = time.monotonic()
    job = subprocess.run(
        [*command, f"run_dir={tmp_path / 'run'}"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=15,
    )  # fmt: skip
    took = time.monotonic() - start
    assert (job.returncode, job.stderr.count("\n")) == (9, 1), job.stderr
    assert re.match(rf"error\[{message}", job.stderr), job.stderr
    assert not (tmp_path / "run").exists()
    table.add("R15", what, f"exit 9, {job.stderr.strip()}", took, "nothing begun")


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"), reason="needs root to mount a small /dev/shm"
)
def test_what_is_said_to_be_needed_is_enough(tmp_path, undisturbed, table):
    inside = ["unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=17460k tmpfs /dev/shm && exec "$@"', "sh"]
    command = [*inside, sys.executable, "-m", "gluonlab.cli.main", *LAUNCH, *RECIPE]
    start = time.monotonic()
    job = subprocess.run([*command, f"run_dir={tmp_path / 'run'}"], cwd=ROOT, capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    assert sha_of(tmp_path / "run") == undisturbed
    table.add("R15", "/dev/shm of 17.05 MiB", "exit 0", time.monotonic() - start, "same weights")


STREAMS = {"pipe": "stdout a pipe that nobody reads", "full": "stdout a full device", "closed": "stdin, stdout and stderr closed"}  # fmt: skip


@pytest.mark.parametrize("stdout", STREAMS)
def test_a_job_does_not_hang_on_its_output(stdout, tmp_path, undisturbed, table):
    run_dir = tmp_path / "run"
    start = time.monotonic()
    assert run_with(stdout, [*LAUNCH, *RECIPE, f"run_dir={run_dir}"], ROOT) == (0, "")
    took = time.monotonic() - start
    assert sha_of(run_dir) == undisturbed
    table.add("R15", STREAMS[stdout], "exit 0, nothing on stderr", took, "same weights")


def test_a_launcher_that_is_put_aside_harms_nobody(tmp_path, table):
    """It is stopped for more than twice the idle limit, as by Ctrl-Z, and continued."""
    run_dir = tmp_path / "run"
    job = launch(run_dir, "--idle-limit", 4, "epochs=100")
    job.wait_for(has_logged(run_dir))
    send(job.process, signal.SIGSTOP)
    before = (run_dir / "metrics.jsonl").stat().st_size
    time.sleep(10)
    assert (run_dir / "metrics.jsonl").stat().st_size > before, "it does not train meanwhile"
    send(job.process, signal.SIGCONT)
    time.sleep(6)
    assert job.process.poll() is None, job.process.stderr.read()
    send(job.process, TERM)
    ended = job.end()
    assert ended.code == 75, ended.errors
    assert ended.last_line.startswith("error[CLU20]")
    happened = "trains meanwhile and after, exit 75 when asked to"
    table.add("R7", "launcher stopped for 10 s, --idle-limit 4", happened, ended.seconds, "state saved")
