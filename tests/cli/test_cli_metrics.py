"""``gluonlab launch --metrics-port`` of a job that trains."""

import re
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from tests.conftest import ENVIRONMENT, HAS_HOROVOD

pytestmark = pytest.mark.skipif(not HAS_HOROVOD, reason="Horovod is not installed in this environment")
LAUNCH = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", "2", "recipe:digits", "epochs=8"]
KEYS = ["schedule.warmup_epochs=0", "tensorboard=false", "log_every=5"]


def test_a_job_that_trains_tells_of_itself(tmp_path, root):
    command = [*LAUNCH, *KEYS, f"run_dir={tmp_path / 'run'}", "--metrics-port", "0"]
    command += ["--otlp", "http://127.0.0.1:9"]  # where nobody listens
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=root, env=ENVIRONMENT, **pipes) as job:
        address = re.fullmatch(r"metrics: (http://127\.0\.0\.1:\d+/metrics)\n", job.stderr.readline())[1]
        text, deadline = "", time.monotonic() + 120
        while "gluonlab_train_loss " not in text:
            assert time.monotonic() < deadline
            assert job.poll() is None
            text = urllib.request.urlopen(address, timeout=10).read().decode()
            time.sleep(0.1)
        assert job.wait(120) == 0, job.stderr.read()
        assert job.stderr.read().count("warning: metrics cannot be sent to 127.0.0.1:9 (") == 1
    for rank in (0, 1):
        assert re.search(rf'^gluonlab_rank_up{{rank="{rank}",host="[^"]+"}} 1.0$', text, re.MULTILINE)
        assert re.search(rf'^gluonlab_rank_phase_seconds_total{{rank="{rank}",phase="', text, re.MULTILINE)
    assert 'gluonlab_info{run="run",' in text


def test_a_port_in_use_starts_nothing(tmp_path, run_gluonlab):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = [*KEYS, f"run_dir={tmp_path / 'run'}", "--metrics-port", port]
        done = run_gluonlab("launch", "-n", 2, "recipe:digits", *options)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error[CLI02] --metrics-port: port {port} of 127.0.0.1 cannot be had")
    assert not (tmp_path / "run").exists()
