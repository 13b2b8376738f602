import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonlab import schedules


def test_linear_scaling_gives_the_published_rate_of_goyal():
    assert schedules.linear_scaling(0.1, 8192, 256) == pytest.approx(3.2)


def test_sqrt_scaling_quadruples_the_batch_to_double_the_rate():
    assert schedules.sqrt_scaling(0.1, 1024, 256) == pytest.approx(0.2)


def test_linear_passes_through_its_midpoint_and_stays_at_the_end():
    rate = schedules.linear(1.0, 0.0, 10)
    assert [rate(0), rate(5), rate(10), rate(1000)] == [1.0, 0.5, 0.0, 0.0]


def test_cosine_is_halfway_at_the_middle():
    rate = schedules.cosine(2.0, 1.0, 8)
    assert rate(0) == 2.0
    assert rate(4) == pytest.approx(1.5)
    assert rate(2) == pytest.approx(1.5 + 0.5 * math.cos(math.pi / 4))
    assert rate(8) == rate(9) == pytest.approx(1.0)


def test_polynomial_of_power_two_follows_the_square():
    rate = schedules.polynomial(32.0, 0.0, 100, power=2)
    assert rate(0) == 32.0
    assert rate(50) == pytest.approx(8.0)
    assert rate(90) == pytest.approx(0.32)


def test_the_transition_to_sgd_is_that_of_akiba_without_its_overshoot():
    share = schedules.rmsprop_to_sgd(center=1000, period=500)  # 10 and 5 epochs of 100 steps
    assert share(0) == pytest.approx(math.exp(-4) / 2)
    assert share(750) == pytest.approx(math.exp(-1) / 2)
    assert share(1000) == 0.5
    assert share(1125) == pytest.approx(0.75)
    assert [share(1250), share(9000)] == [1.0, 1.0]  # 12.5 epochs, where the paper's second case ends
    assert max(share(step) for step in range(2000)) == 1.0


def test_the_transition_to_sgd_has_no_kink_at_its_center():
    share = schedules.rmsprop_to_sgd(center=1000, period=500)
    assert share(1001) - share(1000) == pytest.approx(share(1000) - share(999), rel=0.01)


def test_multistep_drops_on_the_boundary_itself():
    rate = schedules.multistep(0.1, [30, 60], 0.1)
    assert [rate(29), rate(30), rate(59), rate(60)] == pytest.approx([0.1, 0.01, 0.01, 0.001])


def test_piecewise_takes_each_value_from_its_boundary_on():
    rate = schedules.piecewise([1.0, 2.0, 3.0], [4, 8])
    assert [rate(step) for step in (0, 3, 4, 7, 8, 99)] == [1, 1, 2, 2, 3, 3]


def test_exponential_doubles_in_equal_steps():
    rate = schedules.exponential(1.0, 8.0, 3)
    assert [rate(step) for step in range(5)] == pytest.approx([1, 2, 4, 8, 8])


def test_joined_schedules_count_from_their_own_boundary():
    rate = schedules.join([schedules.linear(0, 1, 4), schedules.linear(1, 0, 4)], [4])
    assert [rate(step) for step in (0, 2, 4, 6, 8)] == [0, 0.5, 1, 0.5, 0]


def test_warmup_leaves_milestones_where_they_were():
    decay = schedules.multistep(3.2, [10], 0.1)
    rate = schedules.with_warmup(decay, schedules.linear(0.1, 3.2, 5), 5)
    assert rate(0) == pytest.approx(0.1)
    assert rate(4) == pytest.approx(0.1 + 3.1 * 4 / 5)
    assert rate(5) == rate(9) == pytest.approx(3.2)
    assert rate(10) == pytest.approx(0.32)


def test_after_holds_the_start_value_until_its_first_step():
    rate = schedules.after(schedules.linear(1, 0, 10), 5)
    assert [rate(0), rate(5), rate(10), rate(15)] == [1, 1, 0.5, 0]


@pytest.mark.parametrize("boundaries", [[3, 2], [2, 2]])
def test_boundaries_that_do_not_ascend_are_refused(boundaries):
    with pytest.raises(ValueError, match="ascend"):
        schedules.multistep(1.0, boundaries)


def test_a_wrong_number_of_boundaries_is_refused():
    with pytest.raises(ValueError, match="cannot be joined"):
        schedules.join([schedules.constant(1)], [3])


def test_exponential_growth_from_zero_is_refused():
    with pytest.raises(ValueError, match="positive"):
        schedules.exponential(0.0, 1.0, 10)


@given(st.floats(0.01, 10), st.integers(1, 1000), st.floats(0.5, 4))
def test_decays_never_rise_and_end_at_their_end(start, steps, power):
    for rate in (
        schedules.cosine(start, 0.0, steps),
        schedules.polynomial(start, 0.0, steps, power),
        schedules.linear(start, 0.0, steps),
    ):
        values = [rate(step) for step in range(steps + 2)]
        assert all(a >= b for a, b in zip(values, values[1:]))
        assert values[-1] == pytest.approx(0.0, abs=1e-12)
