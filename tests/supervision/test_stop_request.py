"""Signals to a training process: the first is a wish, the second ends it, whatever its main thread does."""

import signal
import subprocess
import sys
import time

import pytest

from gluonlab.supervision.stop import SAME_SIGNAL_SECONDS, StopRequest

# Its main thread waits in native code for a lock that it holds itself, which no signal interrupts.
STUCK = """
import ctypes, signal, sys
from gluonlab.supervision.stop import StopRequest
stop = StopRequest()
stop.on_signal = lambda reason: print(reason, flush=True)
stop.listen()
stop.make(sys.argv[1])
print("ready", flush=True)
lock = ctypes.create_string_buffer(64)
for _ in range(2):
    ctypes.CDLL(None).pthread_mutex_lock(lock)
"""


@pytest.fixture
def stuck():
    jobs = []

    def start(reason=""):
        jobs.append(
            subprocess.Popen([sys.executable, "-c", STUCK, reason], stdout=subprocess.PIPE, text=True)
        )
        assert jobs[0].stdout.readline() == "ready\n"
        return jobs[0]

    yield start
    for job in jobs:
        job.kill()
        job.communicate()


def test_a_second_signal_ends_a_process_whose_main_thread_is_in_native_code(stuck):
    job = stuck()
    job.send_signal(signal.SIGUSR1)
    assert job.stdout.readline() == "SIGUSR1\n"
    assert job.poll() is None
    job.send_signal(signal.SIGTERM)
    assert job.wait(10) == 128 + signal.SIGTERM


def test_a_signal_that_comes_through_the_launcher_as_well_counts_once(stuck):
    job = stuck("SIGTERM")
    job.send_signal(signal.SIGTERM)
    assert job.stdout.readline() == "SIGTERM\n"
    assert job.poll() is None


def test_a_signal_long_after_the_launchers_word_is_the_second(stuck):
    job = stuck("SIGTERM")
    time.sleep(SAME_SIGNAL_SECONDS + 0.2)
    job.send_signal(signal.SIGINT)
    assert job.wait(10) == 128 + signal.SIGINT


AT_ONCE = """
import os, signal
from gluonlab.supervision.stop import StopRequest
stop = StopRequest()
stop.listen()
os.kill(os.getpid(), signal.SIGTERM)
print(stop.reason)
"""


def test_the_wish_is_made_before_the_next_instruction():
    job = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, timeout=30)
    assert (job.stdout, job.stderr) == ("SIGTERM\n", "")


def test_a_hang_up_that_nohup_ignores_stays_ignored():
    command = [sys.executable, "-c", AT_ONCE.replace("SIGTERM", "SIGHUP")]
    for treatment, printed in ((signal.SIG_IGN, "\n"), (signal.SIG_DFL, "SIGHUP\n")):
        job = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=30,
            preexec_fn=lambda treatment=treatment: signal.signal(signal.SIGHUP, treatment),
        )
        assert job.stdout == printed, "whatever these tests were started with"


def test_the_first_reason_counts():
    stop = StopRequest()
    assert not stop.is_made
    stop.make("SIGTERM")
    stop.make("SIGINT")
    assert (stop.is_made, stop.reason) == (True, "SIGTERM")
