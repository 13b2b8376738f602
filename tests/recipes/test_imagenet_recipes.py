"""The ImageNet recipes, run for a few updates on a miniature set of JPEGs."""

import json

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="module")
def miniature(run_gluonlab, tmp_path_factory):
    """24 training and 10 validation JPEGs in three classes, packed into record files."""
    root = tmp_path_factory.mktemp("imagenet")
    generator = np.random.RandomState(0)
    for split, count in (("train", 8), ("val", 4)):
        for label in range(3):
            folder = root / "images" / split / f"n{label:08d}"
            folder.mkdir(parents=True)
            for number in range(count - (split == "val" and label == 2) * 2):
                height, width = generator.randint(40, 90, 2)
                image = np.full((height, width, 3), 60 * label, np.uint8)
                image += generator.randint(0, 60, image.shape).astype(np.uint8)
                cv2.imwrite(str(folder / f"{number}.jpeg"), image)
    job = run_gluonlab("data", "pack", root / "images", root / "packed")
    assert job.returncode == 0, job.stderr
    return root / "packed"


def small(miniature, run_dir):
    """Overrides that bring an ImageNet recipe down to the miniature set."""
    return [
        f"run_dir={run_dir}",
        f"data.train={miniature / 'train.rec'}",
        f"data.val={miniature / 'val.rec'}",
        "data.train_samples=null",
        "data.val_samples=null",
        "data.image_size=64",
        "data.resize=72",
        "global_batch_size=8",
        "worker_batch_size=4",
        "checkpoint_every=never",
        "tensorboard=false",
        "log_every=1",
    ]


@pytest.mark.parametrize("recipe", ["resnet50_sgd_256", "resnet50_goyal_8k"])
def test_the_recipe_trains_on_real_jpegs(recipe, miniature, run_gluonlab, tmp_path):
    job = run_gluonlab(
        "train", f"configs/imagenet/{recipe}.yaml", *small(miniature, tmp_path / "run"), "epochs=3",
        "schedule.milestones=[1, 2]", "schedule.warmup_epochs=0.5",
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert (summary["steps"], summary["virtual_workers"], summary["val_images"]) == (9, 2, 10)
    assert np.isfinite(summary["train_loss"])


@pytest.mark.parametrize(
    ("recipe", "overrides"),
    [
        ("resnet50_rsb_a2", ["model.name=resnet18_v1b"]),
        ("resnet50_codreanu_14k", [
            "model.name=resnet18_v1b", "phases=[{from_epoch: 1.5, data: {augment: crop_flip}, "
            "optimizer: {weight_decay: 1.0e-4}, schedule: {name: polynomial, base_lr: 0.01}}]"]),
    ],
)  # fmt: skip
def test_its_techniques_train_a_smaller_network_on_real_jpegs(
    recipe, overrides, miniature, run_gluonlab, tmp_path
):
    job = run_gluonlab(
        "train", f"configs/imagenet/{recipe}.yaml", *small(miniature, tmp_path / "run"), *overrides,
        "epochs=2", "schedule.warmup_epochs=0.5", "schedule.base_batch_size=2048",
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert (summary["steps"], summary["val_images"]) == (6, 10)
    assert np.isfinite(summary["train_loss"])


def test_resnet50_itself_takes_an_update_over_two_processes(miniature, run_gluonlab, tmp_path):
    job = run_gluonlab(
        "launch", "-n", 2, "configs/imagenet/resnet50_goyal_8k.yaml", *small(miniature, tmp_path / "run"),
        "epochs=0.5", "schedule.milestones=[0.2, 0.4]", "schedule.warmup_epochs=0.1",
    )  # fmt: skip
    assert job.returncode == 0, job.stderr
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert (summary["steps"], summary["processes"], summary["val_images"]) == (1, 2, 10)
