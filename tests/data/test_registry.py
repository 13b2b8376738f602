"""A new data set is a section with its keys, sizes, loader and files, and one line."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest

from gluonlab.build.run_directory import load_run_config
from gluonlab.training.identity import differing

SHAPES = '''
"""Squares and bars, 12 x 12."""
from typing import ClassVar, Literal
import numpy as np
from gluonlab.data.published import Publication, RemoteFile, Sizes
from gluonlab.data.sections.published import FetchedSection
from gluonlab.data.source import ArraySource

class ShapesSection(FetchedSection):
    """Squares and bars."""
    sizes: ClassVar[Sizes] = Sizes(40, 8)
    publication: ClassVar[Publication] = Publication("ADDRESS", (RemoteFile("shapes.npy", SIZE, "SHA"),), "")
    name: Literal["shapes"] = "shapes"

    @classmethod
    def load(cls, path, split):
        images = np.load(path + "/shapes.npy")
        part = images[:40] if split == "train" else images[40:]
        return ArraySource(part, np.arange(len(part)) % 2, "shapes " + split, ("square", "bar"))
'''
PROGRAM = """
import sys
from gluonlab.data import DATA_SETS
DATA_SETS["shapes"] = "shapes.ShapesSection"
from gluonlab.cli.main import main
main()
"""
RECIPE = """
data: {name: shapes, path: files, classes: 2, image_size: 12, channels: 1, mean: [0.0], std: [1.0]}
model: {name: small_resnet8}
global_batch_size: 16
epochs: 2
optimizer: {name: sgd, momentum: 0.9}
schedule: {name: constant, base_lr: 0.01, scaling: none}
"""


@pytest.fixture
def gluonlab(root, tmp_path):
    content = np.random.RandomState(0).randint(256, size=(48, 12, 12, 1), dtype=np.uint8)
    np.save(tmp_path / "shapes.npy", content)
    file = (tmp_path / "shapes.npy").read_bytes()
    text = SHAPES.replace("SIZE", str(len(file))).replace('SHA"', hashlib.sha256(file).hexdigest() + '"')
    (tmp_path / "shapes.py").write_text(text)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "shapes.npy").rename(tmp_path / "fetched.npy")

    def call(*arguments):
        start = f"import sys; sys.path[:0] = [{str(root)!r}, '.']; sys.argv[0] = 'gluonlab'\n{PROGRAM}"
        return subprocess.run(
            [sys.executable, "-c", start, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    return call


def output(job):
    assert job.returncode == 0, job.stderr
    return job.stdout


def test_an_entry_and_a_line_are_found_by_every_command(gluonlab, tmp_path):
    assert "fashion_mnist, shapes" in output(gluonlab("data", "fetch", "--help"))
    assert "shapes" in output(gluonlab("data", "pack", "--help"))
    plan = output(gluonlab("train", "recipe.yaml", "--dry-run"))
    assert "40" in plan, "the size is known before a file is there"
    output(gluonlab("data", "fetch", "shapes", "files", "--archive", "fetched.npy"))
    told = output(gluonlab("data", "stats", "shapes", "--path", "files", "--split", "val"))
    assert "8 images in 2 classes" in told
    assert "square" in told
    output(gluonlab("data", "show", "recipe.yaml", "-o", "grid.png"))
    assert (tmp_path / "grid.png").stat().st_size > 500
    rows = json.loads(
        output(gluonlab("bench", "data", "recipe.yaml", "--blocks", "1", "--steps", "2", "--json", "-"))
    )
    assert rows["rows"]
    job = gluonlab("data", "stats", "shapes", "--path", "files", "--split", "test")
    assert job.returncode == 2
    assert "error[CLI02] --split: 'test' is none of train, val" in job.stderr
    unknown = gluonlab("train", "recipe.yaml", "--dry-run", "data.name=digits")
    assert "data.path: is not used by 'digits'; leave it out, or set name to cifar10" in unknown.stderr
    assert "or shapes" in unknown.stderr


IN_PROCESS = """
import sys
from gluonlab.data import DATA_SETS
DATA_SETS["shapes"] = "shapes.ShapesSection"
from pathlib import Path
from gluonlab.build.cluster import build_jobs
from gluonlab.config.cluster import load_cluster
from gluonlab.config.load import load_config
from gluonlab.config.reference import render_reference
recipe, cluster = map(Path, sys.argv[1:])
unset = [f"data.{key}=null" for key in ("train_samples", "val_samples", "train", "val")]
batch = ["global_batch_size=32", "worker_batch_size=32"]
config = load_config(recipe, ["data.name=shapes", "data.path=x", *unset, *batch])
job = build_jobs(config, load_cluster(cluster), [1], is_weak=False)[0]
print(job.calendar.val_images, "`shapes`: Squares and bars" in render_reference(), *job.notes)
"""


def test_the_simulator_and_the_reference_know_it(gluonlab, root, tmp_path):
    files = [root / "configs/imagenet/resnet50_goyal_8k.yaml", root / "configs/clusters/dgx1_p100.yaml"]
    program = f"import sys; sys.path[:0] = [{str(root)!r}, {str(tmp_path)!r}]\n{IN_PROCESS}"
    job = subprocess.run([sys.executable, "-c", program, *map(str, files)], capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    assert job.stdout.split() == ["8", "True"]


def test_a_run_of_a_version_that_kept_the_keys_of_all_data_sets_goes_on(root, tmp_path):
    """Its ``samples`` did nothing, whatever they said; what decides the run is what it was."""
    from gluonlab.config.load import load_config

    config = load_config(root / "configs/digits.yaml")
    saved = config.model_dump()
    others = {
        "path": None,
        "train": None,
        "val": None,
        "samples": 640,
        "bad_records": "skip",
        "max_pixels": 9,
    }
    old = {**saved, "data": {**saved["data"], **others}}
    (tmp_path / "config.json").write_text(json.dumps({"config": old}))
    loaded = load_run_config(tmp_path)
    assert loaded == config
    old_recipe = {
        **config.recipe(),
        "data": {**config.recipe()["data"], "samples": 640, "bad_records": "skip"},
    }
    assert list(differing({"recipe": old_recipe}, {"recipe": loaded.recipe()})) == []
