import pytest

from gluonlab.simulate.gradients import Fusion, GradientTensor, exposed_seconds, ready_fractions

EACH_ALONE, ALL_TOGETHER = Fusion(0, 0), Fusion(1e12, 0)


def tensors(*costs, elements=250):
    return [GradientTensor(str(index), elements, cost) for index, cost in enumerate(costs)]


def linear(size):
    return size / 1e3


def test_a_gradient_is_ready_when_the_work_of_its_layer_is_done():
    assert ready_fractions(tensors(1, 3, 0, 4)) == [0.125, 0.5, 0.5, 1.0]
    assert ready_fractions(tensors(0, 0, 0, 0)) == [0.25, 0.5, 0.75, 1.0]


def test_without_overlap_everything_is_exposed():
    assert exposed_seconds(tensors(1, 1), 4, 10.0, False, EACH_ALONE, linear) == pytest.approx(2.0)


def test_only_the_last_gradient_is_exposed_where_the_network_is_quick():
    assert exposed_seconds(tensors(1, 1), 4, 10.0, True, EACH_ALONE, linear) == pytest.approx(1.0)


def test_a_slow_network_is_busy_from_the_first_gradient_on():
    # Ready after 0.5 and 1.0 s, one second each: ends at 2.5 s.
    assert exposed_seconds(tensors(1, 1), 4, 1.0, True, EACH_ALONE, linear) == pytest.approx(1.5)


def test_fusion_pays_the_latency_once():
    def with_latency(size):
        return 1.0

    many = tensors(*[1] * 100)
    assert exposed_seconds(many, 4, 1.0, False, EACH_ALONE, with_latency) == pytest.approx(100)
    assert exposed_seconds(many, 4, 1.0, False, ALL_TOGETHER, with_latency) == pytest.approx(1)
    assert exposed_seconds(many, 4, 1.0, False, Fusion(10_000, 0), with_latency) == pytest.approx(10)


def test_a_busy_network_sees_fewer_messages():
    """100 messages of 1 s that were ready within 1 s are not sent one by one if they may be fused."""
    exposed = exposed_seconds(tensors(*[1] * 100), 4, 1.0, True, Fusion(1e12, 1e-3), lambda size: 1.0)
    assert exposed < 2.1


def test_the_coordinator_looks_once_per_cycle():
    waiting = exposed_seconds(tensors(1), 4, 1.0, False, Fusion(1e12, 0.2), lambda size: 0.0)
    assert waiting == pytest.approx(0.1)
