"""How much validation the simulator reckons with."""

from pathlib import Path

import pytest

from gluonlab.build.cluster import build_jobs
from gluonlab.config.cluster import load_cluster
from gluonlab.config.load import load_config
from gluonlab.data.sections.published import published_sets

RECIPE = Path("configs/imagenet/resnet50_goyal_8k.yaml")


@pytest.fixture
def job_of(root):
    def job(*overrides):
        config = load_config(root / RECIPE, list(overrides))
        return build_jobs(config, load_cluster(root / "configs/clusters/dgx1_p100.yaml"), [8], is_weak=False)[
            0
        ]

    return job


@pytest.mark.parametrize("name", [*published_sets(), "synthetic"])
def test_validation_of_every_data_set_whose_size_is_known_takes_its_time(job_of, name):
    sizes = ["data.train_samples=null", "data.val_samples=null", "data.train=null", "data.val=null"]
    where = [] if name in ("synthetic", "digits") else ["data.path=nowhere"]
    smaller = [f"data.name={name}", "global_batch_size=256"]
    job = job_of(*sizes, *where, *smaller)
    assert job.calendar.val_images > 0
    assert not [note for note in job.notes if "validation" in note]


def test_validation_of_unknown_size_is_told(job_of):
    assert job_of().notes == ()
    job = job_of("data.val_samples=null")
    assert job.calendar.val_images == 0
    assert job.notes == ("validation is left out: data.val_samples does not tell how much it is",)
