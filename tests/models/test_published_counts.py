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


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_are_the_published_ones(name):
    """All of them exactly; `test_registry` compares the table with the nets themselves."""
    model = entry(name)
    assert model.parameters == PUBLISHED[name]["parameters"]
    assert model.multiply_adds == PUBLISHED[name]["multiply_adds"]
