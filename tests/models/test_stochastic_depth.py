"""Branches and features that training leaves out: how many, how they are scaled, and not elsewhere."""

import numpy as np
import pytest

from gluonlab.errors import ConfigError
from gluonlab.models import ModelOptions, create
from gluonlab.models.stochastic_depth import BranchDrop, _blocks_with_drops
from gluonlab.runtime.mxnet import autograd, mx, nd


def drops_of(net):
    return [drop for drops in _blocks_with_drops(net) for drop in drops]


@pytest.mark.parametrize("is_hybrid", [False, True])
def test_a_branch_is_left_out_for_whole_samples_and_the_others_are_scaled_up(is_hybrid):
    mx.random.seed(0)
    drop = BranchDrop()
    drop.rate = 0.25
    drop.hybridize(is_hybrid)
    with autograd.record():
        passed = drop(nd.ones((4000, 2, 3, 3))).asnumpy()
    assert set(np.unique(passed)) <= {0, np.float32(1 / 0.75)}
    assert (passed == passed[:, :1, :1, :1]).all()
    assert (passed[:, 0, 0, 0] == 0).mean() == pytest.approx(0.25, abs=0.03)  # 4 standard deviations
    assert np.array_equal(drop(nd.ones((4, 2, 3, 3))).asnumpy(), np.ones((4, 2, 3, 3)))


@pytest.mark.parametrize(
    ("name", "branches"),
    [
        ("resnet50_v1b", 16),
        ("resnet18_v1", 8),
        ("resnet50_v2", 16),
        ("resnet18_v2", 8),
        ("cifar_resnet20", 9),
    ],
)
def test_the_probability_rises_in_equal_steps_to_the_last_branch(name, branches):
    net = create(name, options=ModelOptions(stochastic_depth=0.5))
    rates = [drop.rate for drop in drops_of(net)]
    assert rates == pytest.approx([0.5 * number / branches for number in range(1, branches + 1)])
    assert {drop.rate for drop in drops_of(create(name))} == {0}


@pytest.mark.parametrize("name", ["deit_tiny_patch16_224"])
def test_both_branches_of_a_transformers_block_have_one_rate_and_the_first_is_kept(name):
    rates = [drop.rate for drop in drops_of(create(name, options=ModelOptions(stochastic_depth=0.1)))]
    assert rates == pytest.approx(np.repeat(np.linspace(0, 0.1, 12), 2))  # timm's rule


def test_convnext_keeps_its_first_branch():
    rates = [
        drop.rate for drop in drops_of(create("convnext_tiny", options=ModelOptions(stochastic_depth=0.1)))
    ]
    assert rates == pytest.approx(np.linspace(0, 0.1, 18))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_branches_of_tokens_and_vectors_are_left_out_whole_too(dimensions):
    mx.random.seed(0)
    drop = BranchDrop(dimensions)
    drop.rate = 0.5
    with autograd.record():
        passed = drop(nd.ones((200, 3, 4)[:dimensions])).asnumpy().reshape(200, -1)
    assert set(np.unique(passed)) == {0, 2}
    assert (passed == passed[:, :1]).all()


def test_a_net_all_of_whose_branches_are_left_out_is_its_shortcuts():
    net = create("cifar_resnet20", options=ModelOptions(stochastic_depth=0.5))
    for drop in drops_of(net):
        drop.rate = 1 - 1e-7
    net.initialize()
    images = nd.array(np.random.RandomState(0).standard_normal((4, 3, 32, 32)))
    with autograd.train_mode():
        features = net.stage1(net.stem(images))
        assert np.array_equal(features.asnumpy(), net.stem(images).asnumpy())


def test_dropout_of_the_head_acts_on_features_and_on_no_name():
    mx.random.seed(0)
    net = create("cifar_resnet20", options=ModelOptions(dropout=0.5))
    assert set(net._collect_params_with_prefix()) == set(
        create("cifar_resnet20")._collect_params_with_prefix()
    )
    net.initialize()
    features = nd.ones((100, 64, 8, 8))
    with autograd.train_mode():
        dropped = net.pool(features).asnumpy()
    assert set(np.unique(dropped)) == {0, 2}
    assert (dropped == 0).mean() == pytest.approx(0.5, abs=0.03)
    assert np.array_equal(net.pool(features).asnumpy(), np.ones((100, 64, 1, 1)))


def test_a_network_without_residual_branches_is_refused():
    with pytest.raises(ConfigError, match=r"CFG30.* vgg11 has no residual branches"):
        create("vgg11", options=ModelOptions(stochastic_depth=0.1))


@pytest.mark.parametrize("option", ["dropout", "stochastic_depth"])
def test_shares_outside_their_range_are_refused(option):
    with pytest.raises(ConfigError, match=f"model.{option}"):
        create("resnet18_v1", options=ModelOptions(**{option: 1.0}))
