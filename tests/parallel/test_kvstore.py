"""The World over MXNet's parameter server: the same sums as Horovod, no pickle, nothing left behind."""

import json
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from gluonlab.errors import SetupError
from gluonlab.parallel.environment import LaunchedProcess, launched_process
from gluonlab.parallel.kvstore_world import KVStoreWorld

DIGITS = ["configs/digits.yaml", "tensorboard=false", "log_every=5", "checkpoint_every=5steps"]


def test_one_update_equals_that_of_horovod(run_processes, root, tmp_path):
    updates = {}
    for backend in ("mpi", "kvstore"):
        (tmp_path / backend).mkdir()
        script = root / "tests/parallel/one_update.py"
        run_processes(2, script, "configs/digits.yaml", tmp_path / backend, 1, backend=backend)
        updates[backend] = np.load(tmp_path / backend / "processes-2.npz")
    horovod, kvstore = updates.values()
    assert len(horovod.files) > 20
    for key in horovod.files:
        difference = np.linalg.norm(kvstore[key].astype(float) - horovod[key].astype(float))
        assert difference <= 1e-6 * np.linalg.norm(horovod[key].astype(float)), key


def test_devices_of_two_processes_add_up_and_a_pickle_is_refused(run_processes, root, tmp_path):
    job = run_processes(2, root / "tests/parallel/kvstore_sums.py", tmp_path, backend="kvstore", cwd=tmp_path)
    for rank in range(2):
        seen = json.loads((tmp_path / f"{rank}.json").read_text())
        assert seen["sums"] == [[26.0] * 3] * 2  # 1 + 2 + 11 + 12
        assert seen["devices"] == ["cpu(0)", "cpu(1)"]
        assert seen["half"] == 1.0
        assert seen["lengths"] == [0, 300]
    assert "the parameter server refused command 0" in job.stderr
    assert not (tmp_path / "pwned").exists()


def test_devices_of_one_process_add_up(run_processes, root, tmp_path):
    run_processes(1, root / "tests/parallel/kvstore_sums.py", tmp_path)
    seen = json.loads((tmp_path / "0.json").read_text())
    assert seen == {"sums": [[3.0] * 3] * 2, "devices": ["cpu(0)", "cpu(1)"], "half": 0.5, "lengths": [0]}


def test_nccl_without_gpus_is_one_line():
    with pytest.raises(SetupError, match=r"error\[ENV21\] kvstore nccl: is not in this MXNet"):
        KVStoreWorld("nccl")


def test_its_place_comes_from_its_own_launcher_whatever_is_around_it():
    environment = {"GLUONLAB_SIZE": "4", "GLUONLAB_RANK": "3", "GLUONLAB_LOCAL_RANK": "3",
                   "GLUONLAB_LOCAL_SIZE": "4", "PMI_SIZE": "2", "PMI_RANK": "0"}  # fmt: skip
    assert launched_process(environment) == LaunchedProcess("kvstore", 4, 3, 3, 4)


@pytest.fixture
def launched(root, tmp_path):
    """A job that trains, all its processes, and by name those that matter; ended after the test."""
    job, *rest = start_launch(root, tmp_path / "run")
    yield (job, *rest)
    job.kill()
    job.communicate()


def start_launch(root, run_dir):
    command = [sys.executable, "-m", "gluonlab.cli.main", "launch", "-n", "2", "--backend", "kvstore"]
    job = subprocess.Popen(
        [*command, *DIGITS, f"run_dir={run_dir}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
    )
    deadline = time.monotonic() + 100
    while not (run_dir / "metrics.jsonl").exists():
        assert time.monotonic() < deadline
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.02)
    family = psutil.Process(job.pid).children(recursive=True)
    roles = {}
    for process in family:
        environment = process.environ()
        if "GLUONLAB_RANK" in environment:
            roles[f"rank {environment['GLUONLAB_RANK']}"] = process
        elif "gluonlab.parallel.kvstore_server" in process.cmdline():
            roles[process.cmdline()[-1]] = process
    return job, family, roles


@pytest.mark.parametrize("name", ["rank 1", "server"])
def test_whoever_is_killed_is_named_and_all_end(name, launched):
    job, family, roles = launched
    listening = [
        connection.laddr.ip
        for process in roles.values()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN and connection.family == socket.AF_INET
    ]
    assert set(listening) == {"127.0.0.1"}
    roles[name].send_signal(signal.SIGKILL)
    _, errors = job.communicate(timeout=60)
    assert job.returncode == 7, errors
    assert errors.startswith(f"error[CLU10] {name} (")
    assert "died of SIGKILL" in errors
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not alive


def test_a_killed_launcher_leaves_no_process(launched):
    job, family, _ = launched
    job.kill()
    job.communicate()
    _, alive = psutil.wait_procs(family, timeout=15)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
