"""Parameters and multiply-adds against those of torchvision and timm (see make_published_counts.py)."""

import json
from pathlib import Path

import pytest

from gluonlab.models import entry

PUBLISHED = {
    name: counts
    for source in json.loads(Path(__file__).with_name("published_counts.json").read_text()).values()
    for name, counts in source.items()
}

SAME_NETWORKS = {
    "gluon:resnet18_v1": "resnet18_v1b",
    "gluon:resnet34_v1": "resnet34_v1b",
    "gluon:squeezenet1.0": "squeezenet1_0",
    "gluon:squeezenet1.1": "squeezenet1_1",
    "gluon:alexnet": "alexnet",
    **{f"gluon:densenet{depth}": f"densenet{depth}" for depth in (121, 161, 169, 201)},
    **{f"gluon:vgg{depth}{norm}": f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name):
    """All of them exactly; `test_registry` compares the table with the nets themselves."""
    model = entry(name)
    assert model.parameters == PUBLISHED[name]["parameters"]
    assert model.multiply_adds == PUBLISHED[name]["multiply_adds"]


@pytest.mark.parametrize(("name", "published"), SAME_NETWORKS.items())
def test_networks_of_gluons_zoo_that_are_those_of_torchvision(name, published):
    model = entry(name)
    assert model.parameters == PUBLISHED[published]["parameters"]
    assert model.multiply_adds == PUBLISHED[published]["multiply_adds"]


def test_sixty_models_have_published_counts():
    assert len(PUBLISHED) + len(SAME_NETWORKS) >= 60
