"""Augmentations against MXNet's own, and what was measured against torchvision and timm."""

import json
import random

import numpy as np
import pytest

from gluonlab.data.augment.colour import ColourJitter
from gluonlab.data.augment.views import InceptionCrop
from gluonlab.data.randomness import uniforms
from gluonlab.runtime.mxnet import mx

COUNT = 1500
PIXEL = np.array([[[100, 50, 25], [20, 60, 90]]], np.uint8)
TRANSFORMS = {
    "brightness": mx.image.BrightnessJitterAug,
    "contrast": mx.image.ContrastJitterAug,
    "saturation": mx.image.SaturationJitterAug,
}


def draws(step):
    return uniforms(2, np.zeros(COUNT, np.int64), np.arange(COUNT), step.num_draws)


def assert_alike(ours, theirs):
    """By Kolmogorov's and Smirnov's test: of two samples of one distribution, one in 1,000 would fail."""
    places = np.concatenate([ours, theirs])
    one, other = (np.searchsorted(np.sort(each), places, side="right") / len(each) for each in (ours, theirs))
    assert abs(one - other).max() < 1.95 * np.sqrt(1 / len(ours) + 1 / len(theirs))


@pytest.mark.parametrize("name", TRANSFORMS)
def test_colours_are_drawn_as_mxnet_draws_them(name):
    step, peer = ColourJitter(**{name: 0.4}), TRANSFORMS[name](0.4)
    random.seed(3)
    theirs = np.rint(mx.nd.stack(*(peer(mx.nd.array(PIXEL)) for _ in range(COUNT))).asnumpy())
    ours = np.array([step(PIXEL, draw) for draw in draws(step)]).astype(float)
    for place in ((0, 0), (0, 2), (1, 1)):
        assert_alike(ours[:, 0, place[0], place[1]], theirs[:, 0, place[0], place[1]])


def test_crops_are_drawn_as_mxnet_draws_them():
    step, image = InceptionCrop(8), mx.nd.zeros((60, 80, 3), dtype="uint8")
    random.seed(3)
    boxes = [mx.image.random_size_crop(image, (8, 8), 0.08, (3 / 4, 4 / 3))[1] for _ in range(COUNT)]
    left, top, width, height = np.array(boxes, float).T
    views = np.array([step(60, 80, draw)[:4] for draw in draws(step)], float).T
    for ours, theirs in zip(views, (top, left, height, width)):
        assert_alike(ours, theirs)


def test_what_was_measured_against_each_peer_is_alike_or_explained(root):
    from benchmarks.data import augmentation_tables as tables

    result = json.loads((root / "benchmarks/results/augmentations.json").read_text())
    different = {(row["what"], row["peer"]) for row in result["rows"] if not tables.is_alike(row)}
    assert different == set(tables.REMARKS)
    assert {row["peer"] for row in result["rows"]} == set(tables.PEERS)
    assert set(tables.WHAT) == {row["what"] for row in result["rows"]}
    assert result["draws"] >= 5000
    assert max(row["difference"] for row in result["operations"]) < 1.5
    assert len(result["operations"]) == 14 + 15
