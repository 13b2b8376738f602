"""Odd requests to the live page and the metrics port of a job that trains: it ends with the same weights."""

import json
import random
import re
import subprocess
import sys
import threading
import time

import pytest

from tests.cli.test_watch_under_odd_requests import SECRET, answer_to, odd_request
from tests.conftest import ENVIRONMENT, HAS_HOROVOD
from tests.reporting.watch.browser import serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not HAS_HOROVOD, reason="Horovod is not installed in this environment"),
]
LAUNCH = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", "2", "recipe:digits", "epochs=40"]
KEYS = ["deterministic=true", "tensorboard=false", "log_every=5", "checkpoint_every=50 steps"]
REQUESTS = 5_000  # to each


def launch(run, *options):
    command = [*LAUNCH, *KEYS, f"run_dir={run}", *options]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def weights(run):
    return json.loads((run / "summary.json").read_text())["weights_sha256"]


def ask_oddly(port, seed, answers, times):
    draw = random.Random(seed)
    for _ in range(REQUESTS):
        answers.append(answer_to(port, odd_request(draw, port)))
        times.append(time.monotonic())


def test_a_job_under_ten_thousand_odd_requests_ends_with_the_same_weights(tmp_path):
    (tmp_path / "outside.txt").write_text(SECRET)
    with launch(tmp_path / "runs/alone") as job:
        assert job.wait(500) == 0, job.stderr.read()
    answers, times = [], []
    with serving(tmp_path / "runs") as address:
        with launch(tmp_path / "runs/asked", "--metrics-port", "0") as job:
            ports = [int(re.search(r":(\d+)/", text)[1]) for text in (address, job.stderr.readline())]
            while not (tmp_path / "runs/asked/metrics.jsonl").exists():
                assert job.poll() is None
                time.sleep(0.1)
            clients = [
                threading.Thread(target=ask_oddly, args=(port, seed, answers, times))
                for seed, port in enumerate(ports)
            ]
            for client in clients:
                client.start()
            assert job.wait(500) == 0, job.stderr.read()
            ended = time.monotonic()
        for client in clients:
            client.join(500)
    assert len(answers) == 2 * REQUESTS
    assert sum(when < ended for when in times) > REQUESTS / 5  # while it trained
    assert not [said for said in answers if SECRET.encode() in said or b"Traceback" in said]
    assert weights(tmp_path / "runs/asked") == weights(tmp_path / "runs/alone")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside.txt", "runs"]
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["alone", "asked"]
