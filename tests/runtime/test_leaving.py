"""The command ends whatever threads, exit handlers and engines live on, with the code that it should have."""

import subprocess
import sys

import pytest

# A verb that does what argument 1 says, beside a thread and an exit handler that never end.
STUCK = """
import atexit, sys, threading, time
from gluonlab.cli import main as command_line
threading.Thread(target=time.sleep, args=(1000,)).start()
atexit.register(time.sleep, 1000)
outcomes = {"return": 0, "raise": ValueError("injected"), "memory": MemoryError(), "exit": SystemExit(3)}

def verb(**_):
    print("said")
    outcome = outcomes[sys.argv[1]]
    if isinstance(outcome, BaseException):
        raise outcome

command_line.app = verb
if sys.argv[2:]:
    def end_with(error):
        raise MemoryError
    command_line.end_with = end_with
command_line.main()
"""


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (["return"], 0, ""),
        (["raise"], 70, "error[BUG01] ValueError: injected"),
        (["memory"], 9, "error[RES03] memory: out of memory"),
        (["raise", "no memory to tell of it"], 9, "error[RES03] memory: out of memory"),
    ],
)
def test_the_end_of_a_command(outcome, code, words):
    job = subprocess.run(
        [sys.executable, "-c", STUCK, *outcome], capture_output=True, text=True, timeout=30
    )  # fmt: skip
    assert (job.returncode, job.stdout) == (code, "said\n")
    assert job.stderr.startswith(words)
    assert job.stderr.count("\n") == bool(words)


# MXNet without a thread for its operators: its exit handler waits for ever.
WITHOUT_WORKERS = """
import os, sys
import gluonlab.runtime.variables as variables
variables.check_variables = lambda *_: None
os.environ["MXNET_CPU_WORKER_NTHREADS"] = "-3"
from gluonlab.cli.main import main
sys.argv[1:] = ["train", "configs/digits.yaml", "run_dir=" + sys.argv[1]]
main()
"""


def test_the_end_of_a_run_whose_engine_could_not_start(tmp_path, root):
    job = subprocess.run(
        [sys.executable, "-c", WITHOUT_WORKERS, str(tmp_path / "run")],
        capture_output=True, text=True, timeout=60, cwd=root,
    )  # fmt: skip
    assert job.returncode == 9, job.stderr
    assert job.stderr.startswith("error[RES03] memory: out of memory")
