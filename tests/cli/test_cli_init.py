"""``gluonlab init``: what it writes is whole, trains on real files, and overwrites nothing."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from gluonlab.config import load_config
from gluonlab.data.packing import encode_png
from tests.docs.test_commands import commands_in

SMALL = (
    "data.image_size=16", "data.resize=16", "model.name=small_resnet8", "global_batch_size=8",
    "worker_batch_size=4", "epochs=2", "schedule.warmup_epochs=0.5", "cpu_threads=1", "engine=mxnet",
)  # fmt: skip


def make_images(folder, classes=("cat", "dog")):
    """Noise, darker in the first class."""
    noise = np.random.RandomState(0)
    for part, count in (("train", 12), ("val", 4)):
        for number, name in enumerate(classes):
            (folder / part / name).mkdir(parents=True)
            for index in range(count):
                pixels = noise.randint(60 * number, 60 * number + 60, (20, 24, 3)).astype(np.uint8)
                (folder / part / name / f"{index}.png").write_bytes(encode_png(pixels))


def test_a_new_folder_trains_by_the_commands_of_its_readme(run_gluonlab, tmp_path):
    job = run_gluonlab("init", tmp_path / "my images")
    assert job.returncode == 0, job.stderr
    folder = tmp_path / "my images"
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert names == ["README.md", "images", "images/train", "images/val", "recipe.yaml"]
    make_images(folder / "images")
    for words in commands_in((folder / "README.md").read_text()):
        if words[0] == "launch":
            continue  # as `train`, and slower
        image = folder / "images/val/cat/0.png"
        words = [str(image) if word == "IMAGE" else word for word in words]
        settings = SMALL if words[0] == "train" else ()
        job = run_gluonlab(*words, *settings, cwd=folder)
        assert job.returncode == 0, f"{shlex.join(words)}\n{job.stderr}"
    summary = json.loads((folder / "runs/recipe/summary.json").read_text())
    assert (summary["val_images"], summary["steps"]) == (8, 6)
    assert (folder / "runs/recipe/report.html").is_file()


def test_images_that_are_there_are_named_and_their_classes_counted(run_gluonlab, tmp_path):
    make_images(tmp_path / "it's: mine", ("a", "b", "c"))
    job = run_gluonlab("init", tmp_path / "new", "--images", "it's: mine", cwd=tmp_path)
    assert job.returncode == 0, job.stderr
    data = load_config(tmp_path / "new/recipe.yaml").data
    assert (data.classes, data.train) == (3, str(tmp_path / "it's: mine/train"))
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["README.md", "recipe.yaml"]


@pytest.mark.parametrize("missing", ["val", "train/b"])
def test_images_that_cannot_be_trained_on_are_refused_before_anything_is_written(
    missing, run_gluonlab, tmp_path
):
    for part in ("train/a", "train/b", "val/a"):
        (tmp_path / "in" / part).mkdir(parents=True)
    for path in sorted((tmp_path / "in" / missing).rglob("*"), reverse=True):
        path.rmdir()
    (tmp_path / "in" / missing).rmdir()
    job = run_gluonlab("init", tmp_path / "new", "--images", tmp_path / "in")
    assert job.returncode == 3
    assert re.match(r"error\[DAT01\] .*/in/(val: no such folder|train: 1 class folders); ", job.stderr)
    assert not (tmp_path / "new").exists()


def test_what_is_there_is_not_overwritten(run_gluonlab, tmp_path):
    (tmp_path / "recipe.yaml").write_text("mine")
    for target in (tmp_path, tmp_path / "recipe.yaml"):
        job = run_gluonlab("init", target)
        assert (job.returncode, "is there already and not empty" in job.stderr) == (4, True)
    assert (tmp_path / "recipe.yaml").read_text() == "mine"
    assert [path.name for path in Path(tmp_path).iterdir()] == ["recipe.yaml"]
