"""Processes that no longer hold the same weights, and numbers that are not finite, are found and named."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.faults.harness import RECIPE

pytestmark = pytest.mark.faults
HERE = Path(__file__).parent

WAYS = {
    "learning rate": (6, r"error\[DIV01\] step 7: \S+ differs: rank 1 has \w+, rank 0 has \w+"),
    "momentum": (6, r"error\[DIV01\] step 7: \S+ differs: rank 1"),
    "weight": (6, r"error\[DIV01\] step 0: \S+ differs: rank 1"),
    "update count": (6, r"error\[DIV02\] step 0: counter num_update differs: rank 1 has 7, rank 0 has 0"),
    "parameters": (6, r"error\[DIV03\] rank 1: "),
    "recipe": (7, r"error\[CLU16\] rank 1: the run differs .*: epochs was 2.0, now 3"),
    "images": (
        7,
        r"error\[CLU16\] rank 1: the run differs .*: data.train: has other images .* images 112 to ",
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_process_that_differs_is_found(way, run_processes, tmp_path, table):
    code, message = WAYS[way]
    start = time.monotonic()
    job = run_processes(2, HERE / "diverge.py", way, tmp_path / "run", *RECIPE, check=False)
    took = time.monotonic() - start
    assert job.returncode == code, job.stdout + job.stderr
    line = next((line for line in job.stderr.splitlines() if re.search(message, line)), "")
    assert line, job.stderr
    table.add(
        "R6",
        f"another {way} on rank 1",
        f"exit {code}, {line}",
        took,
        "ends before a bad checkpoint",
    )


def test_other_samples_on_one_process_are_no_divergence(run_processes, tmp_path, table):
    """What differs only in its data still holds the same weights: the sum is the same everywhere."""
    job = run_processes(2, HERE / "diverge.py", "seed", tmp_path / "run", *RECIPE, check=False)
    assert job.returncode == 0, job.stderr


@pytest.mark.parametrize("processes", [2, 4])
def test_a_sample_that_is_not_finite_is_named_with_its_process(processes, run_processes, table):
    start = time.monotonic()
    job = run_processes(processes, HERE.parent / "parallel/bad_sample.py")
    raised = re.findall(r"RAISED (.*)", job.stdout)
    expected = re.search(r"EXPECTED (step \d+) worker (\d) (rank \d)", job.stdout)
    assert len(raised) == processes
    for line in raised:
        assert line.startswith(f"error[NUM01] {expected[1]}: ")
        assert f"{expected[3]} (virtual worker {expected[2]}) for samples 17" in line
    happened = f"all {processes} name {expected[3]} and sample 17"
    table.add(
        "R12",
        f"one sample is NaN, {processes} processes",
        happened,
        time.monotonic() - start,
        "no bad update saved",
    )


def test_a_loss_that_overflows_rolls_back_once_and_ends(run_gluonlab, tmp_path, table):
    start = time.monotonic()
    job = run_gluonlab(
        "launch", "-n", 2, *RECIPE, f"run_dir={tmp_path / 'run'}", "schedule.base_lr=1e18", "schedule.init_lr=0",
        "checkpoint_every=1steps", "log_every=1",
    )  # fmt: skip
    assert job.returncode == 5, job.stderr
    assert job.stderr.startswith("error[NUM04] step ")
    assert job.stderr.count("\n") == 1
    assert job.stdout.count("rolled back to step") == 1
    from gluonlab.checkpoint.store import CheckpointStore

    good = CheckpointStore(tmp_path / "run/checkpoints").latest()
    table.add(
        "R12",
        "learning rate 1e18",
        "rolled back once, exit 5",
        time.monotonic() - start,
        f"step {good.step} loads",
    )


def test_weights_that_a_relu_hides_are_found_and_kept(run_gluonlab, tmp_path, table):
    """Images of one pixel: no loss shows that the weights are not finite."""
    start = time.monotonic()
    job = run_gluonlab("launch", "-n", 2, *RECIPE, f"run_dir={tmp_path / 'run'}", "data.image_size=1")
    assert job.returncode == 5, job.stderr
    assert job.stderr.startswith("error[NUM04] step ")
    (kept,) = (tmp_path / "run/checkpoints").glob("bad-step-*")
    table.add(
        "R12",
        "weights are NaN, every loss is finite",
        f"exit 5, {job.stderr.strip()}",
        time.monotonic() - start,
        f"{kept.name} is kept, step 7 loads",
    )


def test_a_loss_that_explodes_for_a_while_is_rolled_back(run_processes, tmp_path, table):
    """A rate that is far too high for four updates, once: the run goes back behind what was saved since."""
    start = time.monotonic()
    run_processes(2, HERE.parent / "training/one_bad_interval.py", tmp_path)
    undisturbed, rolled_back = (
        json.loads((tmp_path / f"{name}-0.json").read_text()) for name in ("undisturbed", "rollback")
    )
    assert rolled_back["weights_sha256"] == undisturbed["weights_sha256"]
    assert "bad-step-00000035" in rolled_back["checkpoints"]
    told = (tmp_path / "rollback/log.txt").read_text()
    assert "error[NUM02] step 40: training loss is " in told
    table.add(
        "R12",
        "finite loss explodes, on_divergence: rollback",
        "the checkpoint of step 35 is set aside, rolled back to step 28, exit 0",
        time.monotonic() - start,
        "same weights",
    )
