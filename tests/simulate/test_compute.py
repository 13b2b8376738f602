import pytest

from gluonlab.simulate.compute import ComputeLaw, fit_law

P100 = {1: 27.20, 2: 49.55, 4: 78.31, 8: 122.45, 16: 156.79, 32: 181.53}
V100 = {1: 34.54, 2: 65.01, 4: 113.49, 8: 174.81, 16: 251.22, 32: 298.51, 64: 343.19, 128: 363.69}


def test_points_of_the_law_give_the_law_back():
    law = fit_law({batch: batch / (0.03 + batch / 400) for batch in (1, 8, 64)})
    assert law.overhead_seconds == pytest.approx(0.03)
    assert law.limit_images_per_second == pytest.approx(400)


def test_one_point_and_an_overhead_give_the_limit():
    law = fit_law({192: 1376}, overhead_seconds=0.01)
    assert 192 / law.seconds(192) == pytest.approx(1376)
    assert law.limit_images_per_second == pytest.approx(192 / (192 / 1376 - 0.01))


@pytest.mark.parametrize("curve", [P100, V100], ids=["P100", "V100"])
def test_published_curves_lie_within_seven_per_cent_of_the_law(curve):
    law = fit_law(curve)
    assert [batch / law.seconds(batch) for batch in curve] == pytest.approx(list(curve.values()), rel=0.07)
    assert 0.02 < law.overhead_seconds < 0.035


def test_the_rate_is_half_the_limit_where_the_overhead_is_half_the_pass():
    law = ComputeLaw(0.01, 2000, 1, 100)
    assert 20 / law.seconds(20) == pytest.approx(1000)


def test_a_point_alone_or_an_overhead_too_long_is_refused():
    with pytest.raises(ValueError, match="one measured batch"):
        fit_law({32: 100})
    with pytest.raises(ValueError, match="longer than the measured"):
        fit_law({32: 100}, overhead_seconds=0.4)


def test_more_arithmetic_slows_the_images_and_not_the_launches():
    law = ComputeLaw(0.01, 2000, 1, 100).slowed(2)
    assert law.seconds(100) == pytest.approx(0.01 + 0.1)


def test_the_law_says_where_it_was_measured_and_how_far_it_goes():
    law = ComputeLaw(0.01, 2000, 32, 128)
    assert [law.is_measured(batch) for batch in (16, 32, 128, 256)] == [False, True, True, False]
    assert law.allowed_batches == (1, 512)
