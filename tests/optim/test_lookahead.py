import numpy as np
import pytest

from gluonlab.optim.lookahead import Lookahead
from gluonlab.optim.momentum import NAG
from gluonlab.runtime.mxnet import gluon, nd
from gluonlab.training.state import make_trainer

STEPS, EVERY = 50, 5
RANDOM = np.random.RandomState(0)
GRADIENTS, START = RANDOM.standard_normal((STEPS, 4)), RANDOM.standard_normal(4)
STATISTICS = RANDOM.standard_normal((STEPS, 4))


def trained(alpha, dtype="float32"):
    """A BatchNorm whose gamma learns and whose running mean is set from outside after each update."""
    net = gluon.nn.BatchNorm(in_channels=4)
    net.initialize()
    net.cast(dtype)
    net.gamma.set_data(nd.array(START, dtype=net.gamma.dtype))
    net.beta.grad_req = "null"
    optimizer = NAG(0.1, 0.9, 0.0)
    trainer = make_trainer(net, optimizer)
    lookahead = Lookahead(net, EVERY, alpha, STEPS)
    for step, (gradient, mean) in enumerate(zip(GRADIENTS, STATISTICS), start=1):
        net.gamma.grad()[:] = nd.array(gradient)
        net.gamma.data()._fresh_grad = True
        trainer.step(1)
        net.running_mean.data()[:] = nd.array(mean)
        lookahead.after_update(step, optimizer, trainer.states)
    return net.gamma.data().asnumpy().astype(float), net.running_mean.data().asnumpy().astype(float)


def by_paper(decay_at, ends_slow):
    fast = slow = np.float32(START).astype(float)
    mean_slow, v = np.zeros(4), np.zeros(4)
    for step in range(1, STEPS + 1):
        g = np.float32(GRADIENTS[step - 1]).astype(float)
        v = 0.9 * v - 0.1 * g
        fast = fast + 0.9 * v - 0.1 * g
        mean = np.float32(STATISTICS[step - 1]).astype(float)
        if step % EVERY == 0:
            d = decay_at(step)
            slow = d * slow + (1 - d) * fast
            fast = slow
            mean_slow = d * mean_slow + (1 - d) * mean
    return fast, mean_slow if ends_slow else mean


def test_the_constant_share_of_zhang_equals_float64_and_leaves_statistics_alone():
    found, statistics = trained(alpha=0.5)
    expected, mean = by_paper(lambda step: 0.5, ends_slow=False)
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-6
    np.testing.assert_allclose(statistics, mean, rtol=1e-6)


def test_the_growing_share_of_the_speedrun_equals_float64_and_ends_at_the_slow_weights():
    found, statistics = trained(alpha=None)
    expected, mean = by_paper(
        lambda step: 1.0 if step == STEPS else 0.95**5 * (step / STEPS) ** 3, ends_slow=True
    )
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-6
    np.testing.assert_allclose(statistics, mean, rtol=1e-5)


def test_float32_masters_return_with_the_weights():
    found, _ = trained(alpha=0.5, dtype="float16")
    expected, _ = by_paper(lambda step: 0.5, ends_slow=False)
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 5e-3


@pytest.mark.parametrize("step", [1, 4, 6, 49])
def test_between_two_returns_nothing_happens(step):
    net = gluon.nn.Dense(2, in_units=2)
    net.initialize()
    lookahead = Lookahead(net, EVERY, None, STEPS)
    net.weight.set_data(nd.ones((2, 2)))
    lookahead.after_update(step, NAG(0.1, 0.9, 0.0), {})
    np.testing.assert_array_equal(net.weight.data().asnumpy(), 1)
    assert np.abs(lookahead.averages["weight"].asnumpy()).max() < 1
