"""Jobs of several processes over torch.distributed, which go wrong or are started by hand."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

DIGITS = ("configs/digits.yaml", "epochs=2", "schedule.warmup_epochs=1", "tensorboard=false", "engine=torch")


def distance(found, expected):
    return np.linalg.norm(found.astype(float) - expected) / (np.linalg.norm(expected) or 1.0)


@pytest.mark.parametrize("processes", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_one_update_is_that_of_one_process(run_processes, root, tmp_path, processes):
    updates = {}
    for count in (1, processes):
        script = root / "tests/parallel/one_update.py"
        run_processes(count, script, *DIGITS[:1], tmp_path, 1, *DIGITS[1:], backend="torch")
        updates[count] = np.load(tmp_path / f"processes-{count}.npz")
    for key in updates[1].files:
        assert distance(updates[processes][key], updates[1][key].astype(float)) < 1e-6, key


def test_processes_that_are_not_told_where_to_meet_say_so(run_gluonlab, tmp_path):
    alone = {
        "GLUONLAB_SIZE": "2",
        "GLUONLAB_RANK": "1",
        "GLUONLAB_LOCAL_RANK": "1",
        "GLUONLAB_LOCAL_SIZE": "2",
    }
    job = run_gluonlab("train", *DIGITS, f"run_dir={tmp_path / 'run'}", environment=alone)
    assert job.returncode == 8
    assert job.stderr.startswith(
        "error[ENV82] engine: torch: processes do not know where to meet; start them"
    )


def test_a_job_for_torch_has_no_server_for_arrays_of_mxnet(run_gluonlab, tmp_path):
    folder = tmp_path / "run"
    job = run_gluonlab(
        "launch", "--backend", "torch", "-n", "2", *DIGITS[:-1], "engine=mxnet", f"run_dir={folder}"
    )
    assert job.returncode == 8
    assert "error[ENV82] --backend torch: has no parameter server" in job.stderr + job.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("step:1:9:stop", 7, r"CLU13\] rank 1 .*no heartbeat for \d+ s at step 9"),
        ("step:1:9:kill9", 7, r"CLU10\] rank 1 .*"),
    ],
)
def test_the_process_that_keeps_the_others_waiting_is_named_and_the_run_goes_on(
    run_gluonlab, tmp_path, fault, code, words
):
    folder = tmp_path / "run"
    settings = (*DIGITS, "deterministic=true", "checkpoint_every=5steps", f"run_dir={folder}")
    command = ("launch", "--backend", "torch", "-n", "2", "--idle-limit", "15", *settings)
    job = run_gluonlab(*command, environment={"GLUONLAB_FAULT": fault})
    assert job.returncode == code, job.stdout + job.stderr
    assert re.search(words, job.stdout + job.stderr), job.stdout + job.stderr
    job = run_gluonlab(*command)
    assert job.returncode == 0, job.stdout + job.stderr
    other = ("train", *settings[:-1], f"run_dir={tmp_path / 'whole'}")
    assert run_gluonlab(*other).returncode == 0
    sums = [
        json.loads((run / "summary.json").read_text())["weights_sha256"]
        for run in (folder, tmp_path / "whole")
    ]
    assert sums[0] == sums[1]


@pytest.mark.slow
def test_torchrun_starts_a_world_too(root, tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    script = ["tests/parallel/world_of_two.py", str(tmp_path), "torch"]
    job = subprocess.run([*command, *script], cwd=root, env={**os.environ, "PYTHONPATH": str(root)})
    assert job.returncode == 0
    assert [json.loads((tmp_path / f"{rank}.json").read_text())["sum"] for rank in range(2)] == [
        [3.0, 30.0]
    ] * 2
