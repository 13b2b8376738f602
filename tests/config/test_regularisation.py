"""Mixing and losses that do not go together are refused, every problem at once."""

from pathlib import Path

import pytest

from gluonlab.config import load_config
from gluonlab.errors import ConfigError

DIGITS = Path(__file__).parents[2] / "configs/digits.yaml"


def refusal(*overrides):
    with pytest.raises(ConfigError) as raised:
        load_config(DIGITS, overrides)
    return str(raised.value)


def test_a_loss_and_a_batch_that_cannot_mix_are_told_at_once():
    text = refusal(
        "mixing.mixup_alpha=0.2", "worker_batch_size=1", "loss.name=bce", "loss.target_threshold=0.5"
    )
    assert "mixing needs a partner for each image: worker_batch_size 1 has none" in text
    assert "loss.target_threshold 0.5 cannot go with mixing" in text
    assert text.count("error[CFG10]") == 2


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (
            ["loss.target_threshold=0.2"],
            "loss.target_threshold: is not used by 'cross_entropy'; leave it out, or set name to bce",
        ),
        (["mixing.probability=0.5"], "probability is not used without"),
        (
            ["mixing.mixup_alpha=1.0", "mixing.cutmix_probability=0.1"],
            "cutmix_probability is not used unless",
        ),
        (["mixing.mixup_alpha=-1"], "mixing.mixup_alpha"),
        (["data.augment=none", "data.augment_repeats=2"], "augment_repeats without an augmentation"),
        (["loss.name=hinge"], "loss.name"),
    ],
)
def test_what_does_nothing_is_refused_with_its_key(overrides, told):
    assert told in refusal(*overrides)
