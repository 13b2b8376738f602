"""A run's table of classes: validation, evaluation and prediction go by the names of training."""

import json

import cv2
import numpy as np
import pytest

COLOURS = {"ant": (250, 0, 0), "bee": (0, 250, 0), "cat": (0, 0, 250), "dog": (250, 250, 0)}
RECIPE = """
data: {name: record, image_size: 8, classes: 4, threads: 1}
model: {name: small_resnet8}
global_batch_size: 8
worker_batch_size: 4
epochs: 6
eval_every: 6
optimizer: {name: nag, momentum: 0.9}
schedule: {name: cosine, base_lr: 0.02, base_batch_size: 16, warmup_epochs: 0.25}
log_every: 1000
tensorboard: false
cpu_threads: 1
"""


def write_images(root, classes, count):
    rng = np.random.default_rng(0)
    for name in classes:
        (root / name).mkdir(parents=True)
        for number in range(count):
            image = np.clip(np.array(COLOURS[name]) + rng.integers(-20, 20, (12, 12, 3)), 0, 255)
            cv2.imwrite(str(root / name / f"{number}.png"), image.astype(np.uint8)[:, :, ::-1])


@pytest.fixture(scope="module")
def trained(tmp_path_factory, run_gluonlab):
    """A run on record files that were packed one split at a time; that of validation lacks bees."""
    folder = tmp_path_factory.mktemp("classes")
    write_images(folder / "train", COLOURS, 32)
    write_images(folder / "val", ("ant", "cat", "dog"), 10)
    write_images(folder / "eels", ("ant",), 1)
    (folder / "eels" / "ant").rename(folder / "eels" / "eel")
    for split in ("train", "val"):
        assert run_gluonlab("data", "pack", folder / split, folder, "--split", split).returncode == 0
    (folder / "recipe.yaml").write_text(RECIPE)
    files = [f"data.{split}={folder}/{split}.rec" for split in ("train", "val")]
    job = run_gluonlab("train", folder / "recipe.yaml", *files, f"run_dir={folder / 'run'}")
    assert job.returncode == 0, job.stderr
    assert "warning: no validation image of 1 class of 4: bee\n" in job.stdout
    return folder


def test_validation_meets_training_by_name(trained):
    assert json.loads((trained / "run/summary.json").read_text())["top1"] == 1.0


def test_the_table_is_in_the_configuration_and_in_each_checkpoint(trained):
    assert json.loads((trained / "run/config.json").read_text())["class_names"] == list(COLOURS)
    states = list((trained / "run/checkpoints").glob("*/state.json"))
    assert states
    for state in states:
        assert json.loads(state.read_text())["identity"]["data"]["class_names"] == list(COLOURS)


def test_evaluate_and_predict_go_by_the_checkpoint(trained, run_gluonlab):
    other = [f"data.val={trained / 'val'}", "data.name=folder", "data.train=gone"]
    evaluated = run_gluonlab("evaluate", trained / "run", *other, "--json", "-")
    assert json.loads(evaluated.stdout)["top1"] == 1.0
    assert evaluated.stderr == "warning: no validation image of 1 class of 4: bee\n"
    image = trained / "val/cat/0.png"
    predicted = json.loads(run_gluonlab("predict", trained / "run", image, "--json", "-").stdout)
    assert predicted[0]["classes"][0]["name"] == "cat"
    refused = run_gluonlab("evaluate", trained / "run", *other, f"data.val={trained / 'eels'}")
    assert refused.returncode == 3
    told = "error[DAT14] eels: 1 class that training has not: eel; training has ant, bee, cat, dog\n"
    assert refused.stderr == told
