"""Images of the validation set beside what a checkpoint takes them for."""

import base64
import json

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def run(run_gluonlab, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("samples") / "digits"
    quick = ["epochs=2", "schedule.warmup_epochs=0.5"]
    assert run_gluonlab("train", "recipe:digits", f"run_dir={run_dir}", *quick).returncode == 0
    return run_dir


def test_samples_are_spread_over_the_split_and_can_be_looked_at(run, run_gluonlab):
    job = run_gluonlab("evaluate", run, "--samples", "4", "--json", "-")
    samples = json.loads(job.stdout)
    assert [sample["where"].rpartition(" ")[2] for sample in samples] == ["0", "119", "239", "359"]
    for sample in samples:
        assert len(sample["classes"]) == 3
        assert sum(one["probability"] for one in sample["classes"]) <= 1 + 1e-6
        pixels = cv2.imdecode(np.frombuffer(base64.b64decode(sample["png"]), np.uint8), cv2.IMREAD_GRAYSCALE)
        assert max(pixels.shape) <= 96
        assert pixels.max() > 100  # a digit, and not an empty picture


def test_a_table_says_what_each_is_taken_for(run, run_gluonlab):
    job = run_gluonlab("evaluate", run, "--samples", "3")
    assert job.stdout.splitlines()[0].split() == ["image", "class", "taken", "for"]
    assert len(job.stdout.splitlines()) >= 4


def test_synthetic_data_has_no_images(run_gluonlab, tmp_path):
    run_dir = tmp_path / "synthetic"
    small = ["data.name=synthetic", "epochs=1", "schedule.warmup_epochs=0"]
    trained = run_gluonlab("train", "recipe:smoke", f"run_dir={run_dir}", *small)
    assert trained.returncode == 0, trained.stderr
    job = run_gluonlab("evaluate", run_dir, "--samples", "3")
    assert (job.returncode, job.stderr) == (3, "error[DAT01] synthetic data: there are no images to show\n")
