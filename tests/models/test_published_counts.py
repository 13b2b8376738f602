"""Parameters and multiply-adds against those of torchvision and timm (see make_published_counts.py)."""

import json
from pathlib import Path

import pytest

from gluonlab.models import entry, list_models
from gluonlab.weights.naming import namings_of
from gluonlab.weights.tables import NAMINGS

BY_SOURCE = {
    source.split()[0]: counts
    for source, counts in json.loads(Path(__file__).with_name("published_counts.json").read_text()).items()
}
PUBLISHED = {name: counts for source in BY_SOURCE.values() for name, counts in source.items()}

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


def test_names_of_torchvision_are_declared_for_what_torchvision_has_and_nothing_else():
    declared = {
        model.name
        for model in list_models()
        if any(naming.source == "torchvision" for naming in namings_of(model.name, NAMINGS))
    }
    without_stride_in_1x1 = {"resnet18_v1", "resnet34_v1"}  # the same networks as resnet*_v1b
    assert declared == set(BY_SOURCE["torchvision"]) | without_stride_in_1x1


@pytest.mark.parametrize("name", ["resnext101_32x4d", "seresnet50", "resnet101_v1c", "resnet18_v1d"])
def test_what_only_timm_has_is_declared_as_of_timm(name):
    assert {naming.source for naming in namings_of(name, NAMINGS)} & {"torchvision", "timm"} == {"timm"}


@pytest.mark.parametrize("name", ["seresnet18", "seresnet34", "resnet18_v1c", "resnet34_v1c"])
def test_what_nobody_has_in_pytorch_has_no_names_there(name):
    assert not any(naming.is_torch for naming in namings_of(name, NAMINGS))
