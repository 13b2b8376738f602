"""Recipes to optimizers and gradient treatment."""

import re

import pytest

from gluonlab.build.device import Device
from gluonlab.build.network import build_average, build_clip, build_network, build_state
from gluonlab.config.load import check_config
from gluonlab.errors import ConfigError
from gluonlab.models import registry
from gluonlab.models.catalogue.cifar import CIFAR
from gluonlab.optim.adam import AdamW, NAdamW
from gluonlab.optim.clipping import GradientClip
from gluonlab.optim.lamb import LAMB
from gluonlab.optim.lars import LARS
from gluonlab.optim.matrices import names_of_matrices
from gluonlab.optim.momentum import NAG, SGD
from gluonlab.optim.muon import Muon
from gluonlab.optim.rmsprop_warmup import RMSpropWarmup
from gluonlab.optim.schedule_free import ScheduleFreeAdamW, ScheduleFreeSGD
from gluonlab.optim.shampoo import Shampoo
from gluonlab.optim.soap import SOAP
from gluonlab.parallel.world import SingleProcess
from gluonlab.runtime.mxnet import gluon

TREE = {
    "data": {"name": "synthetic", "classes": 10, "image_size": 32},
    "model": {"name": "cifar_resnet20"},
    "global_batch_size": 100,
    "epochs": 10,
    "schedule": {"name": "constant", "base_lr": 0.1},
}


def optimizer_of(config):
    return config.optimizer.build(config.schedule.base_lr, build_network(config))


def config_with(**optimizer):
    return check_config({**TREE, "optimizer": optimizer}, "test")


@pytest.mark.parametrize(("name", "kind"), [("sgd", SGD), ("nag", NAG), ("lars", LARS)])
def test_the_optimizer_has_the_values_of_the_recipe(name, kind):
    optimizer = optimizer_of(config_with(name=name, momentum=0.7, weight_decay=0.01))
    assert type(optimizer) is kind
    assert (optimizer.momentum, optimizer.wd, optimizer.momentum_correction) == (0.7, 0.01, True)


def test_lars_has_its_own_values_too():
    optimizer = optimizer_of(
        config_with(
            name="lars", trust_coefficient=0.02, trust_eps=1e-5, max_trust_ratio=50, larc_clip=True,
            scale_norm_and_bias=True,
        )
    )  # fmt: skip
    assert (optimizer.trust_coefficient, optimizer.trust_eps, optimizer.max_trust_ratio) == (0.02, 1e-5, 50)
    assert optimizer.larc_clip
    assert optimizer.scale_norm_and_bias


def test_adamw_and_lamb_have_the_values_of_the_recipe():
    own = {"weight_decay": 1.5, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6}
    for name, kind in (("adamw", AdamW), ("nadamw", NAdamW), ("lamb", LAMB)):
        optimizer = optimizer_of(config_with(name=name, **own))
        assert type(optimizer) is kind
        assert (optimizer.wd, optimizer.beta1, optimizer.beta2, optimizer.eps) == (1.5, 0.8, 0.99, 1e-6)


def test_schedule_free_rules_have_the_values_of_the_recipe():
    own = {"weight_decay": 0.5, "beta1": 0.8}
    sgd = optimizer_of(config_with(name="schedule_free_sgd", **own))
    assert (type(sgd), sgd.wd, sgd.beta) == (ScheduleFreeSGD, 0.5, 0.8)
    adamw = optimizer_of(config_with(name="schedule_free_adamw", beta2=0.99, eps=1e-6, **own))
    assert (type(adamw), adamw.wd, adamw.beta) == (ScheduleFreeAdamW, 0.5, 0.8)
    assert (adamw.beta2, adamw.eps) == (0.99, 1e-6)
    for section in ({"name": "ema", "decay": 0.9}, {"name": "swa", "from_epoch": 5}):
        tree = {**TREE, "optimizer": {"name": "schedule_free_sgd"}, "averaging": section}
        with pytest.raises(ConfigError, match="does not go with schedule_free_sgd, an average itself"):
            check_config(tree, "test")


def test_shampoo_has_its_own_values():
    own = {"momentum": 0.8, "weight_decay": 0.5, "beta2": 0.9, "damping": 0.01}
    rule = optimizer_of(config_with(name="shampoo", precondition_every=7, max_side=100, **own))
    assert (type(rule), rule.momentum, rule.wd, rule.beta2) == (Shampoo, 0.8, 0.5, 0.9)
    assert (rule.damping, rule.precondition_every, rule.max_side) == (0.01, 7, 100)


def test_soap_has_its_own_values():
    own = {"weight_decay": 1.5, "beta1": 0.9, "beta2": 0.8, "eps": 1e-6}
    rule = optimizer_of(config_with(name="soap", precondition_every=7, max_side=100, **own))
    assert (type(rule), rule.wd, rule.beta1, rule.beta2, rule.eps) == (SOAP, 1.5, 0.9, 0.8, 1e-6)
    assert (rule.precondition_every, rule.max_side) == (7, 100)


def test_lamb_has_its_own_values_too():
    lamb = optimizer_of(
        config_with(
            name="lamb", bias_correction=False, min_trust_ratio=0.1, max_trust_ratio=10,
            scale_norm_and_bias=True, scale_bias=False,
        )
    )  # fmt: skip
    assert (lamb.bias_correction, lamb.min_trust_ratio, lamb.max_trust_ratio) == (False, 0.1, 10)
    assert (lamb.scale_norm, lamb.scale_bias) == (True, False)
    assert optimizer_of(config_with(name="lamb", scale_norm_and_bias=True)).scale_bias


def test_rmsprop_warmup_has_its_own_values_and_its_transition_in_steps():
    config = config_with(
        name="rmsprop_warmup", momentum=0.8, beta2=0.98, eps=1e-6, rmsprop_lr=1e-3, transition_center=4,
        transition_period=2,
    )  # fmt: skip
    optimizer = optimizer_of(config)
    assert type(optimizer) is RMSpropWarmup
    assert (optimizer.momentum, optimizer.beta2, optimizer.eps, optimizer.rmsprop_lr) == (
        0.8,
        0.98,
        1e-6,
        1e-3,
    )
    share = config.optimizer.sgd_share(12.5)  # 12.5 steps each
    assert (share(50), share(62), share(63)) == (0.5, 0.98, 1.0)
    assert config_with().optimizer.sgd_share(12.5) is None


def test_muon_has_its_own_values_and_those_of_the_rest():
    rest = {"name": "adamw", "lr": 0.01, "weight_decay": 0.1, "beta1": 0.8, "beta2": 0.95, "eps": 1e-6}
    muon = optimizer_of(
        config_with(
            name="muon", momentum=0.95, weight_decay=2.0, newton_schulz_steps=3, shape_factor="rms", rest=rest
        )
    )  # fmt: skip
    assert type(muon) is Muon
    assert (muon.momentum, muon.wd, muon.steps, muon.shape_factor) == (0.95, 2.0, 3, "rms")
    assert not muon.normalizes
    assert muon.rest_lr_ratio == pytest.approx(0.1)  # base_lr is 0.1
    others = muon.rest
    assert type(others) is AdamW
    assert (others.wd, others.beta1, others.beta2, others.eps) == (0.1, 0.8, 0.95, 1e-6)
    speedrun = optimizer_of(config_with(name="muon", normalize_filters=True, rest={"momentum": 0.85}))
    assert (speedrun.normalizes, speedrun.rest_lr_ratio) == (True, 1.0)
    assert (type(speedrun.rest), speedrun.rest.momentum) == (NAG, 0.85)


@pytest.mark.parametrize(
    ("model", "which", "expected"),
    [
        ("cifar_resnet20", "hidden", 18),
        ("cifar_resnet20", "filters", 19),
        ("cifar_resnet20", "all", 20),
        ("gluon:mobilenet1.0", "all", 15),  # the first, 13 of 1 x 1 and the classifier; not 13 depthwise ones
    ],
)
def test_which_weights_are_matrices(model, which, expected):
    net = build_network(check_config({**TREE, "model": {"name": model}}, "test"))
    parameters = {one.name: one for one in net.collect_params().values()}
    chosen = names_of_matrices(net, which)
    assert len(chosen) == expected
    assert all(len(parameters[name].shape) > 1 for name in chosen)


def test_a_network_without_a_weight_for_muon_is_refused():
    config = config_with(name="muon")
    net = build_network(config)
    net.collect_params().setattr("grad_req", "null")
    with pytest.raises(ConfigError, match=r"error\[CFG33\] optimizer.matrices: .*'hidden'"):
        config.optimizer.build(0.1, net)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"trust_eps": 1e-5}, "trust_eps: is not used by 'sgd'; leave it out, or set name to lars"),
        ({"name": "adamw", "momentum": 0.8}, "momentum: is not used by 'adamw'"),
        (
            {"name": "nag", "beta1": 0.8},
            "beta1: is not used by 'nag'; leave it out, or set name to adamw or nadamw or lamb or soap",
        ),
        ({"name": "adamw", "bias_correction": False}, "bias_correction: is not used by 'adamw'"),
        ({"name": "lars", "scale_bias": True}, "scale_bias: is not used by 'lars'"),
        ({"name": "lamb", "rmsprop_lr": 0.1}, "rmsprop_lr: is not used by 'lamb'"),
        ({"matrices": "all"}, "matrices: is not used by 'sgd'; leave it out, or set name to muon"),
        ({"name": "schedule_free_sgd", "beta1": 0.0}, "beta1: should be greater than 0, got 0.0"),
        ({"name": "nadamw", "statistics_samples": 10}, "statistics_samples: is not used by 'nadamw'"),
        ({"name": "muon", "max_side": 10}, "max_side: is not used by 'muon'"),
        ({"name": "lamb", "rest": {"lr": 1.0}}, "rest: is not used by 'lamb'"),
        ({"name": "muon", "rest": {"beta1": 0.8}}, "beta1: is not used by 'nag'; leave it out, or set"),
        ({"name": "muon", "normalize_filters": True, "weight_decay": 0.1}, "weights of a fixed norm"),
        ({"name": "lars", "weight_decay": 1.5}, "weight_decay: should be less than 1, got 1.5"),
        (
            {"name": "lamb", "min_trust_ratio": 2, "max_trust_ratio": 1},
            "max_trust_ratio 1 is below min_trust_ratio 2",
        ),
        (
            {"name": "rmsprop_warmup"},
            "optimizer.transition_center 10 must come before the end of training, epoch 10",
        ),
    ],
)
def test_keys_that_do_not_go_with_the_optimizer_are_refused(keys, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        config_with(**keys)


@pytest.mark.parametrize(
    ("keys", "decaying"),
    [
        ({}, {"weight"}),
        ({"decay_norm_and_bias": True}, {"weight", "gamma", "beta", "bias"}),
        ({"decay_bias": True}, {"weight", "bias"}),
        ({"decay_norm_and_bias": True, "decay_bias": False}, {"weight", "gamma", "beta"}),
    ],
)
def test_norm_and_bias_decay_as_the_recipe_says(keys, decaying):
    state = build_state(config_with(**keys), SingleProcess(), Device())
    parameters = state.net._collect_params_with_prefix().items()
    found = {name.split(".")[-1] for name, p in parameters if p.wd_mult and p.grad_req != "null"}
    assert found == decaying


def test_averaging_is_off_unless_asked_for():
    net = build_network(config_with())
    net.initialize()
    sgd = optimizer_of(config_with())
    assert build_average(config_with(), net, sgd) is None
    section = {"name": "ema", "decay": 0.99, "decay_warmup": True}
    average = build_average(check_config({**TREE, "averaging": section}, "test"), net, sgd)
    assert (average.decay, average.warm_up) == (0.99, True)


@pytest.mark.parametrize(
    ("averaging", "words"),
    [
        (
            {"name": "ema"},
            "averaging.decay: is required; weight of the past, at each update; 0.9999 is common",
        ),
        ({"decay": 0.9}, "averaging.decay: is not used by 'none'; leave it out, or set name to ema"),
        ({"name": "ema", "decay": 1}, "less than 1"),
    ],
)
def test_averaging_that_makes_no_sense_is_refused(averaging, words):
    with pytest.raises(ConfigError, match=words):
        check_config({**TREE, "averaging": averaging}, "test")


def test_clipping_is_off_unless_asked_for():
    assert build_clip(config_with()) is None
    assert build_clip(config_with(clip_norm=1.0)) == GradientClip(max_norm=1.0)
    assert build_clip(config_with(clip_value=10.0)) == GradientClip(max_value=10.0)


def test_every_size_that_the_network_cannot_take_is_refused_with_its_key(monkeypatch):
    def build(classes, options):
        net = gluon.nn.HybridSequential()
        net.add(gluon.nn.Dense(classes, in_units=3 * 32 * 32))
        return net

    weights = 30_730
    fixed = registry.ModelEntry("fixed", build, (3, 32, 32), 10, "", 2026, weights, weights, CIFAR)
    monkeypatch.setitem(registry.MODELS, "fixed", fixed)
    phases = [{"from_epoch": 1, "data": {"image_size": 24}}, {"from_epoch": 2, "data": {"image_size": 32}}]
    data = {**TREE["data"], "image_size": 16, "val_image_size": 32}
    tree = {**TREE, "data": data, "model": {"name": "fixed"}, "phases": phases}
    with pytest.raises(ConfigError) as caught:
        build_network(check_config(tree, "test"))
    assert str(caught.value).splitlines() == [
        "error[CFG31] data.image_size: fixed cannot take images of 16 x 16",
        "error[CFG31] phases.0.data.image_size: fixed cannot take images of 24 x 24",
    ]
