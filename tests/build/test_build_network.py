"""Recipes to optimizers and gradient treatment."""

import pytest

from gluonlab.build.network import build_clip, build_optimizer
from gluonlab.config.load import check_config
from gluonlab.errors import ConfigError
from gluonlab.optim.clipping import GradientClip
from gluonlab.optim.lars import LARS
from gluonlab.optim.momentum import NAG, SGD

TREE = {
    "data": {"name": "synthetic", "classes": 10, "image_size": 32},
    "model": {"name": "cifar_resnet20"},
    "global_batch_size": 100,
    "epochs": 10,
    "schedule": {"name": "constant", "base_lr": 0.1},
}


def config_with(**optimizer):
    return check_config({**TREE, "optimizer": optimizer}, "test")


@pytest.mark.parametrize(("name", "kind"), [("sgd", SGD), ("nag", NAG), ("lars", LARS)])
def test_the_optimizer_has_the_values_of_the_recipe(name, kind):
    optimizer = build_optimizer(config_with(name=name, momentum=0.7, weight_decay=0.01))
    assert type(optimizer) is kind
    assert (optimizer.momentum, optimizer.wd, optimizer.momentum_correction) == (0.7, 0.01, True)


def test_lars_has_its_own_values_too():
    optimizer = build_optimizer(
        config_with(
            name="lars", trust_coefficient=0.02, trust_eps=1e-5, max_trust_ratio=50, larc_clip=True,
            scale_norm_and_bias=True,
        )
    )  # fmt: skip
    assert (optimizer.trust_coefficient, optimizer.trust_eps, optimizer.max_trust_ratio) == (0.02, 1e-5, 50)
    assert optimizer.larc_clip
    assert optimizer.scale_norm_and_bias


def test_keys_of_lars_are_refused_elsewhere():
    with pytest.raises(ConfigError, match=r"trust_eps is not used by 'sgd'"):
        config_with(name="sgd", trust_eps=1e-5)


def test_clipping_is_off_unless_asked_for():
    assert build_clip(config_with()) is None
    assert build_clip(config_with(clip_norm=1.0)) == GradientClip(max_norm=1.0)
    assert build_clip(config_with(clip_value=10.0)) == GradientClip(max_value=10.0)
