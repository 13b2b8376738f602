import numpy as np
import pytest

from gluonlab.optim.averaging import ExponentialMovingAverage, StochasticWeightAverage
from gluonlab.runtime.mxnet import gluon, nd

UPDATES = 50
WEIGHTS = np.random.RandomState(0).standard_normal((UPDATES + 1, 6)).astype(np.float32)


def make_net(dtype="float32"):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(2, in_units=3, use_bias=False), gluon.nn.BatchNorm(in_channels=2))
    net.initialize()
    net.cast(dtype)
    set_weights(net, WEIGHTS[0])
    return net


def set_weights(net, values):
    net[0].weight.set_data(nd.array(values.reshape(2, 3), dtype=net[0].weight.dtype))
    net[1].running_mean.set_data(nd.array(values[:2], dtype=net[1].running_mean.dtype))


def averaged(dtype="float32", **options):
    net = make_net(dtype)
    average = ExponentialMovingAverage(net, **options)
    for update in range(1, UPDATES + 1):
        set_weights(net, WEIGHTS[update])
        average.update(update)
    return average.tensors()


def reference(decay_at):
    average = WEIGHTS[0].astype(float)
    for update in range(1, UPDATES + 1):
        average = decay_at(update) * average + (1 - decay_at(update)) * WEIGHTS[update]
    return average


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999, 0.99999])
@pytest.mark.parametrize("warm_up", [True, False])
def test_fifty_updates_equal_float64_for_weights_and_running_statistics(decay, warm_up):
    expected = reference(lambda t: min(decay, (1 + t) / (10 + t)) if warm_up else decay)
    found = averaged(decay=decay, warm_up=warm_up)
    assert np.linalg.norm(found["0.weight"].ravel() - expected) < 1e-6 * np.linalg.norm(expected)
    assert found["1.running_mean"] == pytest.approx(expected[:2], rel=1e-5)
    assert found["1.running_var"].tolist() == [1, 1]


def test_the_average_of_float16_weights_is_kept_in_float32():
    found = averaged("float16", decay=0.999)["0.weight"]
    assert found.dtype == np.float32
    assert found.ravel() == pytest.approx(reference(lambda t: 0.999), rel=1e-3)


def test_the_decay_warms_up_from_two_elevenths():
    average = ExponentialMovingAverage(make_net(), 0.9, warm_up=True)
    assert [average.decay_at(t) for t in (1, 8, 80, 1000)] == [2 / 11, 0.5, 0.9, 0.9]
    assert ExponentialMovingAverage(make_net(), 0.9).decay_at(1) == 0.9


def test_the_network_computes_with_the_averages_and_has_its_weights_back_after_it():
    net, images = make_net(), nd.ones((1, 3))
    net.hybridize(static_alloc=True)
    first = net(images).asnumpy()
    average = ExponentialMovingAverage(net, 1 - 1e-30)  # stays where it began
    set_weights(net, WEIGHTS[1])
    last = net(images).asnumpy()
    average.update(1)
    with average.in_place_of_weights():
        assert np.array_equal(net(images).asnumpy(), first)
    assert np.array_equal(net(images).asnumpy(), last)
    with pytest.raises(KeyboardInterrupt), average.in_place_of_weights():
        raise KeyboardInterrupt
    assert np.array_equal(net(images).asnumpy(), last)
    assert not np.array_equal(first, last)


def test_the_mean_of_weights_is_that_of_those_taken_in_and_leaves_them_alone():
    net = make_net()
    average = StochasticWeightAverage(net)
    assert not average.is_begun
    for update in range(1, UPDATES + 1):
        set_weights(net, WEIGHTS[update])
        average.update(update)  # not every update counts
        if update % 10 == 0:
            average.take_in()
    expected = WEIGHTS[10::10].astype(float).mean(0)
    found = average.tensors()["0.weight"].ravel()
    assert np.linalg.norm(found - expected) < 1e-6 * np.linalg.norm(expected)
    assert average.counters() == {"count": 5}
    with average.in_place_of_weights():
        assert np.array_equal(net[0].weight.data().asnumpy().ravel(), found)
    assert np.array_equal(net[0].weight.data().asnumpy().ravel(), WEIGHTS[UPDATES])


def test_a_mean_that_is_restored_goes_on_as_if_it_had_never_stopped():
    net = make_net()
    whole, second = StochasticWeightAverage(net), StochasticWeightAverage(net)
    for update in range(1, 6):
        set_weights(net, WEIGHTS[update])
        whole.take_in()
        if update == 3:
            second.restore(whole.tensors(), whole.counters())
        elif update > 3:
            second.take_in()
    assert np.array_equal(whole.tensors()["0.weight"], second.tensors()["0.weight"])
