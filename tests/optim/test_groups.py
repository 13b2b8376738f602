import numpy as np
import pytest

from gluonlab.errors import ConfigError
from gluonlab.models import create
from gluonlab.optim.adam import AdamW
from gluonlab.optim.decay import exempt_norm_and_bias
from gluonlab.optim.groups import EarlyEnd, GroupRates, apply_groups, apply_layer_decay, members_of
from gluonlab.optim.momentum import NAG, SGD
from gluonlab.optim.muon import Muon
from gluonlab.optim.sections.groups import GroupSection
from gluonlab.optim.trainer import Trainer
from gluonlab.runtime.mxnet import gluon, nd

STEPS, BATCH, END = 50, 8, 20
RANDOM = np.random.RandomState(0)
GRADIENTS = RANDOM.standard_normal((STEPS, 2, 6))
STARTS = RANDOM.standard_normal((2, 6))
LR_MULTIPLE, WD_MULTIPLE = 3.0, 0.5


def schedule(step):
    """Up, and down to 0 at the end."""
    return 0.2 * min((step + 1) / 10, 1.0, (STEPS - step) / 30)


def rate_of_group(step):
    return LR_MULTIPLE * schedule(step * STEPS // END) if step < END else 0.0


def net_of_two():
    """Two parameters, the second with rates of its own that end early."""
    parameters = [gluon.Parameter(name, shape=(6,)) for name in ("plain", "grouped")]
    for parameter, start in zip(parameters, STARTS):
        parameter.initialize()
        parameter.set_data(nd.array(start))
    parameters[1].lr_mult, parameters[1].wd_mult = LR_MULTIPLE, WD_MULTIPLE
    return parameters


def trained(optimizer, restart_at=None):
    parameters = net_of_two()
    trainer = Trainer(parameters, optimizer)
    ends = [EarlyEnd(parameters[1:], END, STEPS, schedule)]
    rates = GroupRates(optimizer, trainer.states, ends)
    for step, gradients in enumerate(GRADIENTS):
        if step == restart_at:  # as after a resume: nothing is kept but the step
            parameters[1].lr_mult = LR_MULTIPLE
            rates = GroupRates(optimizer, trainer.states, ends)
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad()[:] = nd.array(gradient)
            parameter.data()._fresh_grad = True
        trainer.set_learning_rate(schedule(step))
        rates.before_update(step)
        trainer.step(BATCH)
    return np.array([parameter.data().asnumpy() for parameter in parameters])


def by_paper(nesterov, wd):
    """u = m u + g; w -= lr u, in float64: each parameter with its own rate."""
    found = []
    for number, start in enumerate(STARTS.astype(np.float32).astype(float)):
        w, u = start, np.zeros(6)
        for step in range(STEPS):
            lr = rate_of_group(step) if number else schedule(step)
            g = np.float32(GRADIENTS[step, number]).astype(float) / BATCH
            g = g + wd * (WD_MULTIPLE if number else 1) * w
            u = 0.9 * u + g
            w = w - lr * (g + 0.9 * u if nesterov else u)
        found.append(w)
    return np.array(found)


def adam_by_paper(wd):
    found = []
    for number, start in enumerate(STARTS.astype(np.float32).astype(float)):
        w, m, v = start, np.zeros(6), np.zeros(6)
        for step in range(STEPS):
            lr = rate_of_group(step) if number else schedule(step)
            g = np.float32(GRADIENTS[step, number]).astype(float) / BATCH
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g**2
            mean, root = m / (1 - 0.9 ** (step + 1)), np.sqrt(v / (1 - 0.99 ** (step + 1)))
            w = w - lr * wd * (WD_MULTIPLE if number else 1) * w - lr * mean / (root + 1e-8)
        found.append(w)
    return np.array(found)


RULES = {
    "sgd": (lambda: SGD(0.1, 0.9, 0.01), lambda: by_paper(False, 0.01)),
    "nag": (lambda: NAG(0.1, 0.9, 0.01), lambda: by_paper(True, 0.01)),
    "adamw": (lambda: AdamW(0.1, 0.01, beta2=0.99), lambda: adam_by_paper(0.01)),
    "the rest of muon": (lambda: Muon(0.1, 0.9, 0.0, NAG(0.1, 0.9, 0.01)), lambda: by_paper(True, 0.01)),
}


@pytest.mark.parametrize("rule", RULES)
def test_fifty_updates_of_a_group_with_a_shorter_schedule_equal_float64(rule):
    make, expected = RULES[rule][0], RULES[rule][1]()
    found = trained(make())
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-6
    np.testing.assert_array_equal(trained(make(), restart_at=13), found)
    np.testing.assert_array_equal(trained(make(), restart_at=END), found)


@pytest.fixture(scope="module")
def net():
    return create("small_resnet8", classes=10)


def test_what_names_mean(net):
    norms, biases, head = (members_of(net, match) for match in ("norms", "biases", "head"))
    assert head == ["output.weight", "output.bias"]
    assert biases == ["output.bias"]
    assert all(name.endswith((".gamma", ".beta")) for name in norms)
    assert len(norms) == 14
    assert members_of(net, "stage1.*.weight") == ["stage1.0.conv1.weight", "stage1.0.conv2.weight"]


def test_multiples_reach_rates_and_decays():
    net = create("small_resnet8", classes=10)
    exempt_norm_and_bias(net)
    groups = [
        GroupSection(match="norms", lr=64),
        GroupSection(match="output.weight", lr=0.5, weight_decay=2),
    ]
    apply_groups(net, groups)
    parameters = net._collect_params_with_prefix()
    shown = {name: (one.lr_mult, one.wd_mult) for name, one in parameters.items()}
    assert shown["stem.1.gamma"] == (64, 0)
    assert shown["output.weight"] == (0.5, 2)
    assert shown["output.bias"] == (1, 0)
    assert shown["stem.0.weight"] == (1, 1)


@pytest.mark.parametrize(
    ("groups", "key", "words"),
    [
        ([{"match": "head"}, {"match": "stem.9.*"}], "groups.1.match", "matches no trained parameter"),
        ([{"match": "head"}, {"match": "biases"}], "groups.1.match", "output.bias is in optimizer.groups.0"),
        ([{"match": "norms", "weight_decay": 2.0}], "groups.0.weight_decay", "do not decay"),
    ],
)
def test_groups_that_are_none_name_their_key(groups, key, words):
    net = create("small_resnet8", classes=10)
    exempt_norm_and_bias(net)
    with pytest.raises(ConfigError, match="CFG34") as refused:
        apply_groups(net, [GroupSection(**{"lr": 2.0, **group}) for group in groups])
    assert refused.value.exit_code == 2
    assert f"optimizer.{key}" in str(refused.value)
    assert words in str(refused.value)
    assert all(one.lr_mult == 1 for one in net._collect_params_with_prefix().values())


def test_a_group_that_changes_nothing_is_refused():
    with pytest.raises(ValueError, match="changes nothing"):
        GroupSection(match="head")


def test_each_layer_learns_at_a_part_of_the_rate_of_the_next():
    net = create("small_resnet8", classes=10)
    apply_groups(net, [GroupSection(match="norms", lr=3.0)])
    apply_layer_decay(net, 0.5)
    shown = {name: one.lr_mult for name, one in net._collect_params_with_prefix().items()}
    assert shown["output.weight"] == 1
    assert shown["stage3.0.conv2.weight"] == 0.5
    assert shown["stage1.0.bn1.gamma"] == 3 * 0.125
    assert shown["stem.0.weight"] == 0.0625


def test_layer_decay_of_a_plain_network_names_its_key():
    with pytest.raises(ConfigError, match=r"CFG34.*optimizer.layer_decay"):
        apply_layer_decay(create("alexnet"), 0.5)
